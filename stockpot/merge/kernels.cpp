#include "stockpot/merge/kernels.h"

#include <bit>
#include <cmath>
#include <cstdint>

#include "stockpot/base/isa.h"
#include "stockpot/checkpoint/float_bits.h"
#include "stockpot/checkpoint/prefetch.h"

namespace stockpot::merge_kernels {

namespace {

constexpr std::size_t kGroup = 32;  // elements summed at a time: a few vector registers

template <typename Read>
[[gnu::always_inline]] inline void sum_all(std::span<double> sum,
                                           std::span<const std::byte* const> x, Read read) {
  const std::size_t whole = sum.size() / kGroup * kGroup;
  // The next call will want what follows in every stream.
  const std::size_t next = sum.size() * Read::kBytes;
  for (std::size_t i = 0; i < whole; i += kGroup) {
    double group[kGroup];
    ask_for<kGroup * Read::kBytes>(x[0] + next + i * Read::kBytes);
    // The first one is copied: from zero, -0 would become +0.
    for (std::size_t j = 0; j < kGroup; ++j) group[j] = read(x[0], i + j);
    for (std::size_t model = 1; model < x.size(); ++model) {
      ask_for<kGroup * Read::kBytes>(x[model] + next + i * Read::kBytes);
      for (std::size_t j = 0; j < kGroup; ++j) group[j] += read(x[model], i + j);
    }
    for (std::size_t j = 0; j < kGroup; ++j) sum[i + j] = group[j];
  }
  for (std::size_t i = whole; i < sum.size(); ++i) {
    sum[i] = read(x[0], i);
    for (std::size_t model = 1; model < x.size(); ++model) sum[i] += read(x[model], i);
  }
}

}  // namespace

STOCKPOT_PER_ISA void sum_f16(std::span<double> sum, std::span<const std::byte* const> x) {
  sum_all(sum, x, ReadF16{});
}

STOCKPOT_PER_ISA void sum_bf16(std::span<double> sum, std::span<const std::byte* const> x) {
  sum_all(sum, x, ReadBf16{});
}

STOCKPOT_PER_ISA void sum_f32(std::span<double> sum, std::span<const std::byte* const> x) {
  sum_all(sum, x, ReadF32{});
}

STOCKPOT_PER_ISA void add_difference(std::span<double> out, std::span<const double> x,
                                     std::span<const double> origin, double weight) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] += weight * (x[i] - origin[i]);
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
  // The reciprocal of a power of two is exact, and so is a product with it.
  int exponent = 0;
  if (std::frexp(count, &exponent) == 0.5) {
    const double reciprocal = 1 / count;
    for (double& value : sum) value *= reciprocal;
    return;
  }
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
  // What both models share stays as it is: the products would round.
  for (std::size_t i = 0; i < b.size(); ++i)
    a[i] = a[i] == b[i] ? a[i] : rest * a[i] + alpha * b[i];
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
