// The arithmetic of exact_sum.h and mixer.h: pure functions, compiled once per instruction set and
// rounding alike in each (base/isa.h). Spans of one call have equal numbers of elements.
#pragma once

#include <span>

namespace stockpot::mix_kernels {

// sum[i] + x[i] exactly: sum[i] becomes the rounded sum, x[i] what the rounding left out (Knuth,
// The Art of Computer Programming 2, 4.2.2). False when nothing was left out anywhere.
bool two_sum(std::span<double> sum, std::span<double> x);

// Whether any of them is -0.
bool any_negative_zero(std::span<const double> x);

// Sums over a tile, for distances and angles between x and y as seen from `origin` (zeros when it
// is empty).
struct Products {
  double xx = 0, yy = 0, xy = 0, distance = 0;  // distance: sum of (x - y)^2
};
Products products(std::span<const double> x, std::span<const double> y,
                  std::span<const double> origin);

}  // namespace stockpot::mix_kernels
