// The arithmetic of means and lines: pure functions, compiled once per instruction set and rounding
// alike in each (base/isa.h). Spans of one call have equal numbers of elements.
#pragma once

#include <cstddef>
#include <span>

namespace stockpot::merge_kernels {

// x[i] = -x[i].
void negate(std::span<double> x);

// sum[i] = x_1[i] + x_2[i] + ...: all models at once, kept in registers. Each x points to at least
// sum.size() values, unaligned.
void sum_f16(std::span<double> sum, std::span<const std::byte* const> x);
void sum_bf16(std::span<double> sum, std::span<const std::byte* const> x);
void sum_f32(std::span<double> sum, std::span<const std::byte* const> x);

// out[i] += weight * (x[i] - origin[i]).
void add_difference(std::span<double> out, std::span<const double> x,
                    std::span<const double> origin, double weight);

// sum[i] += x[i] with the rounding error kept in `low`: high + low is the sum to about 106 bits.
// For fp64 checkpoints, whose sums do not fit 53 bits.
void add_exactly(std::span<double> high, std::span<double> low, std::span<const double> x);

// sum[i] /= count.
void divide(std::span<double> sum, double count);
// high[i] = (high[i] + low[i]) / count, rounded once: count times a number gives it back.
void divide_exactly(std::span<double> high, std::span<const double> low, double count);

// a[i] = (1 - alpha) a[i] + alpha b[i].
void mix(std::span<double> a, std::span<const double> b, double alpha);

// The largest |x[i]|; infinity or NaN when there is such a value.
double largest_magnitude(std::span<const double> x);

}  // namespace stockpot::merge_kernels
