#include "stockpot/compare/kernels.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "stockpot/base/isa.h"

namespace stockpot::compare_kernels {
namespace {

// Separate sums, so that the additions do not wait for each other and become vector code; the
// same order of additions on every processor.
constexpr std::size_t kLanes = 8;
using Lanes = std::array<double, kLanes>;

[[gnu::always_inline]] inline double total(const Lanes& lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

}  // namespace

STOCKPOT_PER_ISA
PairSums pair_sums(std::span<const double> a, std::span<const double> b) {
  Lanes aa{}, bb{}, ab{}, dd{}, largest{};
  const std::size_t whole = a.size() / kLanes * kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double x = a[i + lane], y = b[i + lane], difference = x - y;
      aa[lane] += x * x;
      bb[lane] += y * y;
      ab[lane] += x * y;
      dd[lane] += difference * difference;
      largest[lane] = std::max(largest[lane], std::fabs(difference));
    }
  }
  for (std::size_t i = whole; i < a.size(); ++i) {
    const double x = a[i], y = b[i], difference = x - y;
    aa[0] += x * x;
    bb[0] += y * y;
    ab[0] += x * y;
    dd[0] += difference * difference;
    largest[0] = std::max(largest[0], std::fabs(difference));
  }
  return {total(aa), total(bb), total(ab), total(dd), *std::ranges::max_element(largest)};
}

}  // namespace stockpot::compare_kernels
