#include "stockpot/train/curvature.h"

#include <gtest/gtest.h>

#include <cmath>

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

// The textbook's two loops over the pairs (Nocedal and Wright, algorithm 7.4), in float64.
Vector two_loops(const std::vector<CurvaturePair>& pairs, double c, double ridge, Vector x) {
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
  for (double& value : x) value *= 0.3;
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    double beta = 0;
    for (std::size_t i = 0; i < n; ++i) beta += y(pairs[k], i) * x[i];
    beta /= product(pairs[k]);
    for (std::size_t i = 0; i < n; ++i) x[i] += (alphas[k] - beta) * s(pairs[k], i);
  }
  return x;
}

TEST(Curvature, IsTheTwoLoopsOfLbfgs) {
  const Quadratic loss(40);
  std::vector<CurvaturePair> pairs;
  CurvatureHistory history(30);
  for (std::uint64_t i = 0; i < 12; ++i) {
    pairs.push_back(loss.pair(random_vector(40, 10 + i)));
    history.add(pairs.back(), 39);
  }
  for (const auto& [c, ridge] : {std::pair{1.0, 0.0}, std::pair{0.01, 1.0}, std::pair{50.0, 2.0}}) {
    const Vector x = random_vector(40, 99), expected = two_loops(pairs, c, ridge, x);
    std::vector<float> result(x.begin(), x.end());
    history.apply_inverse(
        c, ridge, 39,
        [](float* v) {
          for (int i = 0; i < 40; ++i) v[i] *= 0.3f;
        },
        result);
    double largest = 0;
    for (const double value : expected) largest = std::max(largest, std::abs(value));
    for (std::size_t i = 0; i < 40; ++i) EXPECT_NEAR(result[i], expected[i], 1e-4 * largest);
  }
}

TEST(Curvature, ForgetsItsOldestPairs) {
  const Quadratic loss(10);
  std::vector<CurvaturePair> last;
  CurvatureHistory history(3);
  for (std::uint64_t i = 0; i < 7; ++i) {
    const CurvaturePair pair = loss.pair(random_vector(10, 30 + i));
    history.add(pair, 9);
    if (i >= 4) last.push_back(pair);
  }
  EXPECT_EQ(history.size(), 3U);
  const Vector x = random_vector(10, 5), expected = two_loops(last, 2, 1, x);
  std::vector<float> result(x.begin(), x.end());
  history.apply_inverse(
      2, 1, 9,
      [](float* v) {
        for (int i = 0; i < 10; ++i) v[i] *= 0.3f;
      },
      result);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_NEAR(result[i], expected[i], 1e-4);
}

TEST(Curvature, LeavesOutAPairWithout) {
  CurvatureHistory history(3);
  history.add({{1, 0}, {-1, 0}}, 1);
  history.add({{0, 0}, {0, 0}}, 1);
  EXPECT_EQ(history.size(), 0U);
}

}  // namespace
}  // namespace stockpot
