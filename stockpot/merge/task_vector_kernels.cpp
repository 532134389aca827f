#include "stockpot/merge/task_vector_kernels.h"

#include "stockpot/base/isa.h"

namespace stockpot::merge_kernels {

STOCKPOT_PER_ISA void subtract(std::span<double> x, std::span<const double> y) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] -= y[i];
}

STOCKPOT_PER_ISA void subtract_and_add(std::span<double> x, std::span<const double> y,
                                       std::span<double> sum) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] -= y[i];
    sum[i] += x[i];
  }
}

STOCKPOT_PER_ISA void add_scaled(std::span<double> sum, std::span<const double> x, double factor) {
  for (std::size_t i = 0; i < x.size(); ++i) sum[i] += factor * x[i];
}

STOCKPOT_PER_ISA void multiply(std::span<double> x, double factor) {
  for (double& value : x) value *= factor;
}

STOCKPOT_PER_ISA void step_from(std::span<const double> base, double factor, std::span<double> x) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double step = factor * x[i];
    x[i] = step == 0 ? base[i] : base[i] + step;
  }
}

STOCKPOT_PER_ISA void keep_from(std::span<double> x, std::uint64_t bound) {
  for (double& value : x) {
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(value);
    value = std::bit_cast<double>((bits & kMagnitudeBits) >= bound ? bits : 0);
  }
}

STOCKPOT_PER_ISA void drop_from(std::span<double> x, std::uint64_t bound) {
  for (double& value : x) {
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(value);
    value = std::bit_cast<double>((bits & kMagnitudeBits) < bound ? bits : 0);
  }
}

STOCKPOT_PER_ISA std::size_t find_in_range(std::span<const double> x, std::uint64_t low,
                                           std::uint64_t high, std::span<std::uint16_t> places,
                                           std::int64_t& above) {
  std::int64_t over = 0, reached = 0;
  for (const double value : x) {
    const auto bits =
        static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(value) & kMagnitudeBits);
    over += bits > static_cast<std::int64_t>(high) ? 1 : 0;
    reached += bits >= static_cast<std::int64_t>(low) ? 1 : 0;
  }
  above += over;
  if (reached == over) return 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(x[i]) & kMagnitudeBits;
    places[count] = static_cast<std::uint16_t>(i);
    count += bits - low <= high - low ? 1 : 0;
  }
  return count;
}

STOCKPOT_PER_ISA void vote(std::span<const double> x, double weight, const Votes& votes) {
  double* __restrict const positive = votes.positive.data();
  double* __restrict const negative = votes.negative.data();
  double* __restrict const positive_weight = votes.positive_weight.data();
  double* __restrict const negative_weight = votes.negative_weight.data();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double value = weight * x[i];
    positive[i] += value > 0 ? value : 0;
    negative[i] += value < 0 ? value : 0;
    positive_weight[i] += value > 0 ? weight : 0;
    negative_weight[i] += value < 0 ? weight : 0;
  }
}

STOCKPOT_PER_ISA void elect(const Votes& votes, int zero_sign, bool mean, std::span<double> out) {
  const double* __restrict const positive = votes.positive.data();
  const double* __restrict const negative = votes.negative.data();
  const double* __restrict const positive_weight = votes.positive_weight.data();
  const double* __restrict const negative_weight = votes.negative_weight.data();
  double* __restrict const result = out.data();
  const double instead = zero_sign;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double sum = positive[i] + negative[i];
    const double sign = sum == 0 ? instead : sum;
    const double value = sign > 0 ? positive[i] : negative[i];
    const double weight = sign > 0 ? positive_weight[i] : negative_weight[i];
    const double divisor = mean && weight != 0 ? weight : 1.0;
    const double quotient = value / divisor;
    result[i] = sign == 0 ? 0.0 : quotient;
  }
}

STOCKPOT_PER_ISA std::int64_t elected_signs(const Votes& votes) {
  std::int64_t total = 0;
  for (std::size_t i = 0; i < votes.positive.size(); ++i) {
    const double sum = votes.positive[i] + votes.negative[i];
    total += (sum > 0 ? 1 : 0) - (sum < 0 ? 1 : 0);
  }
  return total;
}

STOCKPOT_PER_ISA double dot(std::span<const double> x, std::span<const double> y) {
  // Eight sums side by side, so that wide registers do not change the order of additions.
  constexpr std::size_t kLanes = 8;
  double lanes[kLanes] = {};
  const std::size_t whole = x.size() - x.size() % kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += x[i + lane] * y[i + lane];
  for (std::size_t i = whole; i < x.size(); ++i) lanes[i - whole] += x[i] * y[i];
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

STOCKPOT_PER_ISA std::int64_t count_different(std::span<const double> x,
                                              std::span<const double> y) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < x.size(); ++i) count += x[i] != y[i] ? 1 : 0;
  return count;
}

}  // namespace stockpot::merge_kernels
