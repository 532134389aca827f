#include "stockpot/merge/kernels.h"

#include <bit>
#include <cmath>
#include <cstdint>

#include "stockpot/base/isa.h"
#include "stockpot/checkpoint/float_bits.h"

namespace stockpot::merge_kernels {

STOCKPOT_PER_ISA void add_f16(std::span<double> sum, std::span<const std::byte> x, double sign) {
  for (std::size_t i = 0; i < sum.size(); ++i)
    sum[i] += sign * from_f16(load<std::uint16_t>(x.data(), i));
}

STOCKPOT_PER_ISA void add_bf16(std::span<double> sum, std::span<const std::byte> x, double sign) {
  for (std::size_t i = 0; i < sum.size(); ++i)
    sum[i] += sign * from_bf16(load<std::uint16_t>(x.data(), i));
}

STOCKPOT_PER_ISA void add_f32(std::span<double> sum, std::span<const std::byte> x, double sign) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += sign * load<float>(x.data(), i);
}

STOCKPOT_PER_ISA void negate(std::span<double> x) {
  for (double& value : x) value = -value;
}

namespace {

// Adds x to high + low. Two-sum (Knuth, The Art of Computer Programming 2, 4.2.2): the error
// of a rounded addition is itself a double.
[[gnu::always_inline]] inline void add_one(double& high, double& low, double x) {
  const double sum = high + x;
  const double shadow = sum - high;
  const double error = (high - (sum - shadow)) + (x - shadow);
  const double tail = low + error;
  high = tail == 0 ? sum : sum + tail;  // -0 stays -0
  low = tail - (high - sum);
}

}  // namespace

STOCKPOT_PER_ISA void add_exactly(std::span<double> high, std::span<double> low,
                                  std::span<const double> x) {
  for (std::size_t i = 0; i < x.size(); ++i) add_one(high[i], low[i], x[i]);
}

STOCKPOT_PER_ISA void divide(std::span<double> sum, double count) {
  for (double& value : sum) value /= count;
}

STOCKPOT_PER_ISA void divide_exactly(std::span<double> high, std::span<const double> low,
                                     double count) {
  for (std::size_t i = 0; i < high.size(); ++i) {
    const double quotient = high[i] / count;
    // The fused multiply-add is asked for by name: its remainder is exact on every processor.
    const double remainder = std::fma(-quotient, count, high[i]) + low[i];
    high[i] = remainder == 0 ? quotient : quotient + remainder / count;  // -0 stays -0
  }
}

STOCKPOT_PER_ISA void mix(std::span<double> a, std::span<const double> b, double alpha) {
  const double rest = 1 - alpha;
  for (std::size_t i = 0; i < b.size(); ++i) a[i] = rest * a[i] + alpha * b[i];
}

STOCKPOT_PER_ISA double largest_magnitude(std::span<const double> x) {
  // As integers the patterns of magnitudes are in order, with infinity and NaN on top.
  std::uint64_t largest = 0;
  for (const double value : x) {
    const std::uint64_t magnitude = std::bit_cast<std::uint64_t>(value) & 0x7fffffffffffffffu;
    largest = magnitude > largest ? magnitude : largest;
  }
  return std::bit_cast<double>(largest);
}

}  // namespace stockpot::merge_kernels
