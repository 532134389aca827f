#include "stockpot/landscape/correlation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace stockpot::landscape {
namespace {

constexpr std::size_t kFewest = 3;

struct Pairs {
  std::vector<double> x, y;
};

Pairs finite_pairs(std::span<const double> x, std::span<const double> y) {
  Pairs pairs;
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) continue;
    pairs.x.push_back(x[i]);
    pairs.y.push_back(y[i]);
  }
  return pairs;
}

// Sums of squares and products about the means.
struct Moments {
  double x = 0, y = 0, xx = 0, yy = 0, xy = 0;
};

Moments moments_of(const Pairs& pairs) {
  Moments sums;
  const auto n = static_cast<double>(pairs.x.size());
  sums.x = std::accumulate(pairs.x.begin(), pairs.x.end(), 0.0) / n;
  sums.y = std::accumulate(pairs.y.begin(), pairs.y.end(), 0.0) / n;
  for (std::size_t i = 0; i < pairs.x.size(); ++i) {
    const double dx = pairs.x[i] - sums.x, dy = pairs.y[i] - sums.y;
    sums.xx += dx * dx;
    sums.yy += dy * dy;
    sums.xy += dx * dy;
  }
  return sums;
}

// A list of one number has no spread, whatever rounding its mean had.
bool varies(const std::vector<double>& values) {
  return std::ranges::adjacent_find(values, std::ranges::not_equal_to()) != values.end();
}

double correlation(const Pairs& pairs) {
  if (pairs.x.size() < kFewest || !varies(pairs.x) || !varies(pairs.y))
    return std::numeric_limits<double>::quiet_NaN();
  const Moments sums = moments_of(pairs);
  return std::clamp(sums.xy / (std::sqrt(sums.xx) * std::sqrt(sums.yy)), -1.0, 1.0);
}

// Over the largest number: means of the same accuracies differ by so little where they were added
// in another order. Ranks would take that for an order.
constexpr double kRounding = 1e-13;

std::vector<double> ranks(const std::vector<double>& values) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> rank(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first + 1;
    while (end < order.size() && values[order[end]] - values[order[end - 1]] <= kRounding * largest)
      ++end;
    for (std::size_t i = first; i < end; ++i)
      rank[order[i]] = static_cast<double>(first + end + 1) / 2;
    first = end;
  }
  return rank;
}

}  // namespace

double pearson(std::span<const double> x, std::span<const double> y) {
  return correlation(finite_pairs(x, y));
}

double spearman(std::span<const double> x, std::span<const double> y) {
  const Pairs pairs = finite_pairs(x, y);
  return correlation({ranks(pairs.x), ranks(pairs.y)});
}

std::optional<Line> fitted_line(std::span<const double> x, std::span<const double> y) {
  const Pairs pairs = finite_pairs(x, y);
  if (pairs.x.size() < kFewest || !varies(pairs.x)) return std::nullopt;
  const Moments sums = moments_of(pairs);
  Line line;
  line.slope = sums.xy / sums.xx;
  line.intercept = sums.y - line.slope * sums.x;
  line.r2 = sums.yy > 0 ? sums.xy * sums.xy / (sums.xx * sums.yy) : 1;
  line.points = static_cast<std::int64_t>(pairs.x.size());
  return line;
}

}  // namespace stockpot::landscape
