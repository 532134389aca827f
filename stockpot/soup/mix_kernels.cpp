#include "stockpot/soup/mix_kernels.h"

#include <bit>
#include <cstdint>

#include "stockpot/base/isa.h"

namespace stockpot::mix_kernels {

STOCKPOT_PER_ISA bool two_sum(std::span<double> sum, std::span<double> x) {
  std::uint64_t left = 0;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const double total = sum[i] + x[i];
    const double shadow = total - sum[i];
    const double error = (sum[i] - (total - shadow)) + (x[i] - shadow);
    sum[i] = total;
    x[i] = error;
    // Without the sign: an error of -0 is none.
    left |= std::bit_cast<std::uint64_t>(error) << 1;
  }
  return left != 0;
}

STOCKPOT_PER_ISA bool any_negative_zero(std::span<const double> x) {
  std::uint64_t found = 0;
  for (const double value : x)
    found |=
        static_cast<std::uint64_t>(std::bit_cast<std::uint64_t>(value) == std::uint64_t{1} << 63);
  return found != 0;
}

STOCKPOT_PER_ISA Products products(std::span<const double> x, std::span<const double> y,
                                   std::span<const double> origin) {
  // Eight sums side by side, so that the order of the additions does not depend on the registers.
  constexpr std::size_t kLanes = 8;
  double xx[kLanes] = {}, yy[kLanes] = {}, xy[kLanes] = {}, distance[kLanes] = {};
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t lane = i % kLanes;
    const double start = origin.empty() ? 0 : origin[i];
    const double a = x[i] - start, b = y[i] - start, d = x[i] - y[i];
    xx[lane] += a * a;
    yy[lane] += b * b;
    xy[lane] += a * b;
    distance[lane] += d * d;
  }
  Products sums;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    sums.xx += xx[lane];
    sums.yy += yy[lane];
    sums.xy += xy[lane];
    sums.distance += distance[lane];
  }
  return sums;
}

}  // namespace stockpot::mix_kernels
