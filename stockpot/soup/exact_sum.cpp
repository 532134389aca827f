#include "stockpot/soup/exact_sum.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>

#include "stockpot/merge/kernels.h"
#include "stockpot/merge/tiles.h"
#include "stockpot/soup/mix_kernels.h"

namespace stockpot {
namespace {

bool is_negative_zero(double x) { return x == 0 && std::signbit(x); }

// Doubles that do not overlap, from the smallest to the largest: Shewchuk's grow-expansion.
class Expansion {
 public:
  void add(double x) {
    std::size_t kept = 0;
    for (const double part : parts_) {
      double large = x, small = part;
      if (std::abs(large) < std::abs(small)) std::swap(large, small);
      const double sum = large + small;
      const double error = small - (sum - large);
      if (error != 0) parts_[kept++] = error;
      x = sum;
    }
    parts_.resize(kept);
    if (x != 0) parts_.push_back(x);
  }

  // The exact value, rounded to nearest even.
  double rounded() const {
    std::size_t n = parts_.size();
    if (n == 0) return 0;
    double high = parts_[--n], low = 0;
    while (n > 0 && low == 0) {
      const double x = high, y = parts_[--n];
      high = x + y;
      low = y - (high - x);
    }
    // `low` is half a unit in the last place and something follows: the tie is none.
    if (n > 0 && low != 0 && std::signbit(low) == std::signbit(parts_[n - 1])) {
      const double twice = 2 * low, other = high + twice;
      if (twice == other - high) high = other;
    }
    return high;
  }

  void clear() { parts_.clear(); }

 private:
  std::vector<double> parts_;
};

}  // namespace

ExactSum::ExactSum(std::int64_t elements)
    : high_(static_cast<std::size_t>(elements)),
      more_(static_cast<std::size_t>((elements + kTileElements - 1) / kTileElements)) {}

const ExactSum::More* ExactSum::more(std::int64_t first) const {
  return more_[static_cast<std::size_t>(first / kTileElements)].get();
}

ExactSum::More& ExactSum::make_more(std::int64_t first) {
  auto& place = more_[static_cast<std::size_t>(first / kTileElements)];
  if (!place) place = std::make_unique<More>();
  return *place;
}

void ExactSum::change(std::int64_t first, std::span<const double> x, double sign) {
  assert(first % kTileElements == 0 && x.size() <= static_cast<std::size_t>(kTileElements));
  if (mix_kernels::any_negative_zero(x)) {
    auto& counts = make_more(first).negative_zeros;
    counts.resize(x.size());
    for (std::size_t i = 0; i < x.size(); ++i)
      if (is_negative_zero(x[i])) counts[i] += sign > 0 ? 1 : -1;
  }
  TileBuffer buffer;
  const std::span rest(buffer.data(), x.size());
  std::ranges::copy(x, rest.begin());
  if (sign < 0) merge_kernels::negate(rest);
  const auto high = std::span(high_).subspan(static_cast<std::size_t>(first), x.size());
  if (!mix_kernels::two_sum(high, rest)) return;
  More& further = make_more(first);
  for (auto& level : further.levels)
    if (!mix_kernels::two_sum(level, rest)) return;
  further.levels.emplace_back(rest.begin(), rest.end());
}

void ExactSum::mean(std::int64_t first, std::span<const double> x, double sign, int count,
                    std::span<double> out) const {
  assert(first % kTileElements == 0 && count > 0 && (x.empty() || x.size() == out.size()));
  const auto high = std::span(high_).subspan(static_cast<std::size_t>(first), out.size());
  const More* further = more(first);
  TileBuffer buffer;
  const std::span low(buffer.data(), out.size());
  std::ranges::copy(high, out.begin());
  if (further == nullptr || further->levels.empty()) {
    // One double and one term: their sum is two doubles, exactly.
    std::ranges::fill(low, 0.0);
    if (!x.empty()) {
      std::ranges::copy(x, low.begin());
      if (sign < 0) merge_kernels::negate(low);
      mix_kernels::two_sum(out, low);
    }
  } else {
    Expansion sum;
    for (std::size_t i = 0; i < out.size(); ++i) {
      sum.clear();
      sum.add(high[i]);
      for (const auto& level : further->levels) sum.add(level[i]);
      if (!x.empty()) sum.add(sign * x[i]);
      out[i] = sum.rounded();
      sum.add(-out[i]);
      low[i] = sum.rounded();
    }
  }
  const bool counted = further != nullptr && !further->negative_zeros.empty();
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i] != 0) continue;
    int negative = counted ? further->negative_zeros[i] : 0;
    if (!x.empty() && is_negative_zero(x[i])) negative += sign > 0 ? 1 : -1;
    out[i] = negative == count ? -0.0 : 0.0;
  }
  merge_kernels::divide_exactly(out, low, count);
}

}  // namespace stockpot
