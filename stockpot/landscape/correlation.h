// How two lists of numbers go together. Pairs in which a number is not finite do not count.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace stockpot::landscape {

// NaN for fewer than three pairs, or when one list does not vary.
double pearson(std::span<const double> x, std::span<const double> y);
// Pearson's of the ranks; equal numbers share the mean of their ranks.
double spearman(std::span<const double> x, std::span<const double> y);

// y = intercept + slope * x by least squares.
struct Line {
  double slope = 0, intercept = 0;
  double r2 = 0;  // the share of y's variance that the line explains
  std::int64_t points = 0;
  double at(double x) const { return intercept + slope * x; }
};
// Nothing for fewer than three pairs, or when x does not vary.
std::optional<Line> fitted_line(std::span<const double> x, std::span<const double> y);

}  // namespace stockpot::landscape
