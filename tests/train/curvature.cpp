#include "stockpot/train/curvature.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "stockpot/base/random.h"

namespace stockpot {
namespace {

using Vector = std::vector<double>;

// A convex quadratic: the Hessian of the loss is B B' + 0.1, of n numbers of which the last is
// an intercept.
struct Quadratic {
  explicit Quadratic(std::size_t size) : n(size), root(n, Vector(n)) {
    RandomStream random(1, Purpose::test);
    for (Vector& row : root)
      for (double& value : row) value = random.normal();
  }
  Vector times(const Vector& x) const {
    Vector inner(n), result(n);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) inner[i] += root[j][i] * x[j];
    for (std::size_t i = 0; i < n; ++i) {
      result[i] = 0.1 * x[i];
      for (std::size_t j = 0; j < n; ++j) result[i] += root[i][j] * inner[j];
    }
    return result;
  }
  CurvaturePair pair(const Vector& step) const {
    const Vector change = times(step);
    return {{step.begin(), step.end()}, {change.begin(), change.end()}};
  }
  std::size_t n;
  std::vector<Vector> root;
};

Vector random_vector(std::size_t n, std::uint64_t seed) {
  RandomStream random(seed, Purpose::test);
  Vector x(n);
  for (double& value : x) value = random.normal();
  return x;
}

// Two directions of the weights, and what M^-1 has there, elsewhere and for the intercept.
struct Metric {
  explicit Metric(std::size_t size) : n(size) {
    for (std::size_t k = 0; k < 2; ++k) {
      directions[k].assign(n - 1, 0);
      directions[k][k] = 0.6;
      directions[k][k + 2] = 0.8;
    }
  }
  template <typename Number>
  std::vector<float> project(const std::vector<Number>& x) const {
    std::vector<float> inside(2);
    for (std::size_t k = 0; k < 2; ++k)
      for (std::size_t i = 0; i + 1 < n; ++i)
        inside[k] += static_cast<float>(directions[k][i] * static_cast<double>(x[i]));
    return inside;
  }
  template <typename Number>
  void solve(std::vector<Number>& x) const {
    const std::vector<float> inside = project(x);
    for (std::size_t i = 0; i < n; ++i) {
      double value = (i + 1 < n ? inverse.rest : inverse.intercept) * static_cast<double>(x[i]);
      for (std::size_t k = 0; k < 2 && i + 1 < n; ++k)
        value += inverse.directions[k] * directions[k][i] * static_cast<double>(inside[k]);
      x[i] = static_cast<Number>(value);
    }
  }
  CurvaturePair projected(CurvaturePair pair) const {
    pair.step_inside = project(pair.step);
    pair.change_inside = project(pair.change);
    return pair;
  }
  std::size_t n;
  Vector directions[2];
  InverseMetric inverse{0.3, {0.5, -0.1}, 0.7};
};

// H x by the two halves, and x'H x.
std::pair<std::vector<float>, double> inverse_times(const CurvatureHistory& history,
                                                    const Metric& metric, double c, double ridge,
                                                    const Vector& x) {
  const auto weights = static_cast<std::int64_t>(x.size()) - 1;
  const std::vector<float> given(x.begin(), x.end());
  const CurvatureHistory::Half half =
      history.half_of_inverse(c, ridge, weights, history.along(weights, given), given);
  const std::vector<float> inside = metric.project(half.rest);
  std::vector<float> result = half.rest;
  metric.solve(result);
  history.add_other_half(c, ridge, weights, half, metric.inverse, inside, result);
  return {result,
          half.known + metric.inverse.squared(weights + 1, weights, half.rest.data(), inside)};
}

// The textbook's two loops over the pairs (Nocedal and Wright, algorithm 7.4), in float64.
Vector two_loops(const std::vector<CurvaturePair>& pairs, const Metric& metric, double c,
                 double ridge, Vector x) {
  const std::size_t n = x.size();
  const auto y = [&](const CurvaturePair& pair, std::size_t i) {
    return c * static_cast<double>(pair.change[i]) +
           (i + 1 < n ? ridge * static_cast<double>(pair.step[i]) : 0);
  };
  const auto s = [](const CurvaturePair& pair, std::size_t i) {
    return static_cast<double>(pair.step[i]);
  };
  Vector alphas(pairs.size());
  const auto product = [&](const CurvaturePair& pair) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += s(pair, i) * y(pair, i);
    return sum;
  };
  for (std::size_t k = pairs.size(); k-- > 0;) {
    for (std::size_t i = 0; i < n; ++i) alphas[k] += s(pairs[k], i) * x[i];
    alphas[k] /= product(pairs[k]);
    for (std::size_t i = 0; i < n; ++i) x[i] -= alphas[k] * y(pairs[k], i);
  }
  metric.solve(x);
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    double beta = 0;
    for (std::size_t i = 0; i < n; ++i) beta += y(pairs[k], i) * x[i];
    beta /= product(pairs[k]);
    for (std::size_t i = 0; i < n; ++i) x[i] += (alphas[k] - beta) * s(pairs[k], i);
  }
  return x;
}

void expect_two_loops(const CurvatureHistory& history, const std::vector<CurvaturePair>& pairs,
                      double c, double ridge) {
  const std::size_t n = pairs[0].step.size();
  const Metric metric(n);
  const Vector x = random_vector(n, 99), expected = two_loops(pairs, metric, c, ridge, x);
  const auto [result, squared] = inverse_times(history, metric, c, ridge, x);
  double largest = 0, expected_squared = 0;
  for (std::size_t i = 0; i < n; ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    expected_squared += x[i] * expected[i];
  }
  for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(result[i], expected[i], 1e-4 * largest);
  EXPECT_NEAR(squared, expected_squared, 1e-4 * expected_squared);
}

TEST(Curvature, IsTheTwoLoopsOfLbfgs) {
  const Quadratic loss(40);
  const Metric metric(40);
  std::vector<CurvaturePair> pairs;
  CurvatureHistory history(30);
  for (std::uint64_t i = 0; i < 12; ++i) {
    pairs.push_back(metric.projected(loss.pair(random_vector(40, 10 + i))));
    history.add(pairs.back(), 39, std::vector<float>(40));
  }
  for (const auto& [c, ridge] : {std::pair{1.0, 0.0}, std::pair{0.01, 1.0}, std::pair{50.0, 2.0}})
    expect_two_loops(history, pairs, c, ridge);
}

TEST(Curvature, ForgetsItsOldestPairs) {
  const Quadratic loss(10);
  const Metric metric(10);
  const Vector wide = random_vector(10, 5);
  const std::vector<float> x(wide.begin(), wide.end());
  std::vector<CurvaturePair> last;
  CurvatureHistory history(3);
  for (std::uint64_t i = 0; i < 7; ++i) {
    const CurvaturePair pair = metric.projected(loss.pair(random_vector(10, 30 + i)));
    const std::vector<double> along = history.add(pair, 9, x);
    EXPECT_EQ(along, history.along(9, x));
    if (i >= 4) last.push_back(pair);
  }
  EXPECT_EQ(history.size(), 3U);
  expect_two_loops(history, last, 2, 1);
}

TEST(Curvature, LeavesOutAPairWithout) {
  CurvatureHistory history(3);
  EXPECT_TRUE(history.add({{1, 0}, {-1, 0}}, 1, {1, 0}).empty());
  EXPECT_TRUE(history.add({{0, 0}, {0, 0}}, 1, {1, 0}).empty());
  EXPECT_EQ(history.size(), 0U);
}

// The newest step's curvature, 2 * 3 * 5 + 1 * 3 * 3 over the weight, against the metric's.
TEST(Curvature, ScalesAMetricByTheNewestPair) {
  CurvatureHistory history(3);
  const InverseMetric metric{0.25, {}, 0.5};
  EXPECT_EQ(history.metric_scale(2, 1, 1, metric), 1);
  history.add({{3, 0}, {5, 4}}, 1, {0, 0});
  // y = 2 (5, 4) + (3, 0) = (13, 8)
  EXPECT_NEAR(history.metric_scale(2, 1, 1, metric), 39 / (0.25 * 169 + 0.5 * 64), 1e-6);
}

}  // namespace
}  // namespace stockpot
