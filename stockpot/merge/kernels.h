// The arithmetic of sum.h on spans of doubles: pure functions, compiled once per instruction
// set and rounding alike in each (base/isa.h). Spans of one call have equal sizes.
#pragma once

#include <cstdint>
#include <span>

namespace stockpot::merge_kernels {

// sum[i] += x[i].
void add(std::span<double> sum, std::span<const double> x);
void negate(std::span<double> x);

// The same with the rounding error kept in `low`: high + low is the sum to about 106 bits.
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
