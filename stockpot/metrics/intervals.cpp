// Wilson's and Student's intervals, and the quantiles they need. Quantiles are found by
// bisection of the tail probability: some microseconds, and nothing to get wrong.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "stockpot/base/error.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot {
namespace {

// The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8),
// by the modified method of Lentz.
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto away_from_zero = [](double v) { return std::abs(v) < kTiny ? kTiny : v; };
  double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), value = d;
  for (int m = 1; m <= 10000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    value *= c * d;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    value *= c * d;
    if (std::abs(c * d - 1) < 1e-16) break;
  }
  return value;
}

// I_x(a, b), given both x and 1 - x so that neither end loses digits.
double incomplete_beta(double a, double b, double x, double one_minus_x) {
  if (x <= 0) return 0;
  if (one_minus_x <= 0) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log(one_minus_x));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, one_minus_x) / b;
}

// P(T > t) for t >= 0.
double student_tail(double t, double degrees) {
  const double scale = degrees + t * t;
  return 0.5 * incomplete_beta(degrees / 2, 0.5, degrees / scale, t * t / scale);
}

// The x >= 0 with tail(x) = target, for a tail that falls from 0.5 to 0.
template <typename Tail>
double invert_tail(double target, const Tail& tail) {
  double low = 0, high = 1;
  while (tail(high) > target && high < 1e300) high *= 2;
  for (int step = 0; step < 200 && low < high; ++step) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    (tail(middle) > target ? low : high) = middle;
  }
  return low + (high - low) / 2;
}

template <typename Tail>
double quantile(double probability, const Tail& tail) {
  if (!(probability > 0 && probability < 1)) {
    throw UsageError("a quantile needs a probability between 0 and 1, got " +
                     std::to_string(probability));
  }
  if (probability == 0.5) return 0;
  if (probability < 0.5) return -invert_tail(probability, tail);
  return invert_tail(1 - probability, tail);
}

}  // namespace

double normal_quantile(double probability) {
  return quantile(probability, [](double x) { return 0.5 * std::erfc(x / std::numbers::sqrt2); });
}

double t_quantile(double probability, int degrees) {
  if (degrees < 1) {
    throw UsageError("Student's t needs one degree of freedom or more, got " +
                     std::to_string(degrees));
  }
  return quantile(probability, [&](double t) { return student_tail(t, degrees); });
}

Interval wilson_interval(const Accuracy& accuracy, double confidence) {
  if (accuracy.total <= 0) return {0, 1};
  return wilson_interval(accuracy.value(), static_cast<double>(accuracy.total), confidence);
}

Interval wilson_interval(double share, double rows, double confidence) {
  // Tables ask for this one thousands of times.
  static const double kZ95 = normal_quantile(0.975);
  const double z = confidence == 0.95 ? kZ95 : normal_quantile(0.5 + confidence / 2), zz = z * z;
  const double centre = (share + zz / (2 * rows)) / (1 + zz / rows);
  const double half =
      z * std::sqrt(share * (1 - share) / rows + zz / (4 * rows * rows)) / (1 + zz / rows);
  // At a share of 0 or 1 the end is exactly that; the formula leaves a rounding error.
  return {share == 0 ? 0 : std::max(0.0, centre - half),
          share == 1 ? 1 : std::min(1.0, centre + half)};
}

Interval mean_interval(std::span<const double> values, double confidence) {
  if (values.size() < 2) {
    throw UsageError("an interval over seeds needs two values or more, got " +
                     std::to_string(values.size()));
  }
  const double n = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / n;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double error = std::sqrt(squares / (n - 1) / n);
  const double half = t_quantile(0.5 + confidence / 2, static_cast<int>(values.size()) - 1) * error;
  return {mean - half, mean + half};
}

}  // namespace stockpot
