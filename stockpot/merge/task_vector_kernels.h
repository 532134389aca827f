// The arithmetic on task vectors (model minus base): pure functions, compiled once per
// instruction set and rounding alike in each (base/isa.h). Spans of one call have equal numbers
// of elements. Magnitudes are compared as the bit patterns of |x|, which are in the same order.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace stockpot::merge_kernels {

inline constexpr std::uint64_t kMagnitudeBits = 0x7fffffffffffffffu;
inline std::uint64_t magnitude(double x) {
  return std::bit_cast<std::uint64_t>(x) & kMagnitudeBits;
}

// x[i] -= y[i].
void subtract(std::span<double> x, std::span<const double> y);
// The same, and sum[i] += x[i].
void subtract_and_add(std::span<double> x, std::span<const double> y, std::span<double> sum);
// sum[i] += factor * x[i].
void add_scaled(std::span<double> sum, std::span<const double> x, double factor);
// sum[i] *= factor.
void multiply(std::span<double> x, double factor);
// x[i] = base[i] + factor * x[i]; a step of zero leaves base[i] as it is, the sign of zeros too.
void step_from(std::span<const double> base, double factor, std::span<double> x);

// Zeroes the values whose magnitude is below `bound` (keep_from) or not below (drop_from).
void keep_from(std::span<double> x, std::uint64_t bound);
void drop_from(std::span<double> x, std::uint64_t bound);
// The places whose magnitudes are in low..high, both included, into `places`; returns how many
// there are and adds to `above` the number of magnitudes over `high`. x.size() <= 65536.
std::size_t find_in_range(std::span<const double> x, std::uint64_t low, std::uint64_t high,
                          std::span<std::uint16_t> places, std::int64_t& above);

// Sums of the weighted values and of their weights, by the sign of the weighted value.
struct Votes {
  std::span<double> positive, negative, positive_weight, negative_weight;
};
void vote(std::span<const double> x, double weight, const Votes& votes);
// For each element: the sign of the sum is elected (`zero_sign` where it is zero: 1, -1, or 0
// for none), and out[i] is the sum of the values of that sign. With `mean` it is divided by the
// sum of their weights, unless that is zero.
void elect(const Votes& votes, int zero_sign, bool mean, std::span<double> out);
// The sum of the elected signs; zero where a sum is zero.
std::int64_t elected_signs(const Votes& votes);

// sum of x[i] * y[i], always added in the same order.
double dot(std::span<const double> x, std::span<const double> y);
// The number of places where x and y differ.
std::int64_t count_different(std::span<const double> x, std::span<const double> y);

}  // namespace stockpot::merge_kernels
