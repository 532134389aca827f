// The sums that compare two lists of numbers: pure functions, compiled once per instruction set.
#pragma once

#include <cstdint>
#include <span>

namespace stockpot::compare_kernels {

// Of two lists a and b.
struct PairSums {
  double aa = 0, bb = 0, ab = 0, dd = 0;  // sums of a*a, b*b, a*b and (a-b)*(a-b)
  double largest = 0;                     // |a-b|
};

// Values must be finite.
PairSums pair_sums(std::span<const double> a, std::span<const double> b);

}  // namespace stockpot::compare_kernels
