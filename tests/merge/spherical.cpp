#include "stockpot/merge/spherical.h"

#include <gtest/gtest.h>

#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/merge/combination.h"
#include "stockpot/merge/model_stock.h"
#include "tests/merge/jobs.h"

namespace stockpot {
namespace {

using Values = std::vector<double>;

Values slerp(const Values& a, const Values& b, double t, bool swapped = false) {
  Ingredients ingredients;
  ingredients.add("w", {static_cast<std::int64_t>(a.size())}, {}, {a, b});
  Slerp method({.t = t});
  const std::vector<std::size_t> order{swapped ? 1u : 0u, swapped ? 0u : 1u};
  return merged(method, ingredients.jobs({}, order))[0];
}

TEST(Slerp, EqualsKnownValues) {
  const Values middle = slerp({1, 0}, {0, 1}, 0.5), quarter = slerp({2, 0}, {1, 1}, 0.25);
  EXPECT_NEAR(middle[0], .70710678, 1e-8);
  EXPECT_NEAR(middle[1], .70710678, 1e-8);
  EXPECT_NEAR(quarter[0], 1.8472893, 1e-7);
  EXPECT_NEAR(quarter[1], .27589938, 1e-8);
}

TEST(Slerp, GivesTheEndsBitForBitAndRunsFromTheFirstModelToTheSecond) {
  const Values a = normal_values(100, 1), b = normal_values(100, 2);
  EXPECT_EQ(slerp(a, b, 0), a);
  EXPECT_EQ(slerp(a, b, 1), b);
  EXPECT_EQ(slerp(a, b, 0, true), a);
  const Values wanted = slerp(a, b, 0.3), swapped = slerp(a, b, 0.3, true);
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(swapped[i], wanted[i], 1e-15);
}

TEST(Slerp, IsLinearNearALineAndForZeroVectors) {
  EXPECT_EQ(slerp({1, 0}, {2, 0}, 0.5), (Values{1.5, 0}));
  EXPECT_EQ(slerp({1, 0}, {-3, 0}, 0.5), (Values{-1, 0}));
  EXPECT_EQ(slerp({0, 0}, {1, 2}, 0.5), (Values{0.5, 1}));
}

TEST(Slerp, RefusesWhatCannotBe) {
  EXPECT_THROW(Slerp({.t = 1.5}), UsageError);
  Ingredients ingredients;
  ingredients.add("w", {1}, {}, {{1}, {2}, {3}});
  Slerp method({});
  EXPECT_THROW(merged(method, ingredients.jobs()), UsageError);
}

TEST(Karcher, OfTwoIsSlerpOfTheirDirections) {
  const Values a = normal_values(50, 1), b = normal_values(50, 2);
  Ingredients ingredients;
  ingredients.add("w", {50}, {}, {a, b});
  KarcherMean karcher({});
  const Values mean = merged(karcher, ingredients.jobs())[0];
  double norm_a = 0, norm_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    norm_a += a[i] * a[i];
    norm_b += b[i] * b[i];
  }
  norm_a = std::sqrt(norm_a);
  norm_b = std::sqrt(norm_b);
  Values unit_a = a, unit_b = b;
  for (double& x : unit_a) x /= norm_a;
  for (double& x : unit_b) x /= norm_b;
  const Values direction = slerp(unit_a, unit_b, 0.5);
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_NEAR(mean[i], direction[i] * (norm_a + norm_b) / 2, 1e-12);
}

TEST(Karcher, OppositeDirectionsAreFiniteOrRefused) {
  Ingredients ingredients;
  ingredients.add("w", {2}, {}, {{1, 0}, {-1, 0}, {0, 0}});
  KarcherMean karcher({}), multislerp({.iterations = 0});
  const Values values = merged(karcher, ingredients.jobs())[0];
  for (const double value : values) EXPECT_TRUE(std::isfinite(value));
  EXPECT_THROW(merged(multislerp, ingredients.jobs()), UsageError);
}

// A model may lie opposite to the mean but for rounding: 0.827 + 0.357 + 0.149 - 0.564 of one line.
TEST(Karcher, AVectorOppositeToTheMeanLeavesItsDirection) {
  const Values v{0.42046672105789185, 0.38629809021949768, -0.23493279516696930};
  Ingredients ingredients;
  std::vector<Values> models(4, v);
  for (std::size_t i = 0; i < v.size(); ++i) {
    models[1][i] *= -0.5;
    models[3][i] *= 2;
  }
  ingredients.add("w", {3}, {}, models);
  const Values weights{0.827, 0.564, 0.357, 0.149};
  KarcherMean karcher({});
  const Values mean = merged(karcher, ingredients.jobs(weights))[0];
  const double norm = (0.827 + 0.564 * 0.5 + 0.357 + 0.149 * 2) / sum(weights);
  for (std::size_t i = 0; i < v.size(); ++i) EXPECT_NEAR(mean[i], norm * v[i], 1e-12);
}

// What is left of opposite directions with nearly equal weights is short, and still a direction.
TEST(Karcher, OppositeModelsOfNearlyEqualWeightsKeepTheirLine) {
  const Values weights{1.568, 1.569};
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Values v = normal_values(72, seed);
    Values opposite = v;
    for (double& x : opposite) x *= -0.5;
    Ingredients ingredients;
    ingredients.add("w", {72}, {}, {v, opposite});
    KarcherMean karcher({});
    const Values mean = merged(karcher, ingredients.jobs(weights))[0];
    const double norm = (1.568 + 1.569 * 0.5) / sum(weights);
    for (std::size_t i = 0; i < v.size(); ++i) ASSERT_NEAR(mean[i], -norm * v[i], 1e-11);
  }
}

TEST(NuSlerp, MixesOppositeVectorsOnTheirLineWhateverTheirCosineRoundsTo) {
  for (std::uint64_t seed = 1; seed < 50; ++seed) {
    const Values a = normal_values(3, seed);
    Values b = a;
    for (double& value : b) value *= -2;
    Ingredients ingredients;
    ingredients.add("w", {3}, {}, {a, b});
    Slerp nuslerp(SlerpOptions::nuslerp());
    const Values mean = merged(nuslerp, ingredients.jobs())[0];
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(mean[i], -a[i] / 2, 1e-15);
  }
}

TEST(ModelStock, RatioHasItsKnownValues) {
  EXPECT_NEAR(stock_ratio(.5, 2, true), 2.0 / 3, 1e-15);
  EXPECT_NEAR(stock_ratio(.5, 3, true), 0.75, 1e-15);
  EXPECT_EQ(stock_ratio(0, 5, true), 0);
  EXPECT_EQ(stock_ratio(1, 5, true), 1);
}

TEST(ModelStock, LeavesOutModelsThatDidNotMoveAndSaysSo) {
  Ingredients ingredients;
  ingredients.add("w", {2}, {0, 0}, {{1, 0}, {1, 1}, {0, 0}});
  ingredients.add("still", {2}, {1, 1}, {{1, 1}, {1, 1}, {1, 1}});
  ModelStock method({});
  merged(method, ingredients.jobs());
  const Json findings = method.findings();
  const auto& tensors = findings.find("tensors")->items();
  EXPECT_NEAR(tensors[0].find("cosine")->as_number(), std::sqrt(0.5), 1e-15);
  EXPECT_EQ(tensors[0].find("pairs_left_out")->as_integer(), 2);
  EXPECT_EQ(tensors[1].find("t")->as_number(), 1);
  EXPECT_TRUE(tensors[1].find("cosine")->is_null());
}

TEST(ModelStock, NeedsTwoModelsOfEqualWeight) {
  Ingredients one, two;
  one.add("w", {1}, {0}, {{1}});
  two.add("w", {1}, {0}, {{1}, {2}});
  ModelStock method({});
  EXPECT_THROW(merged(method, one.jobs()), UsageError);
  EXPECT_THROW(merged(method, two.jobs({1, 2})), UsageError);
}

}  // namespace
}  // namespace stockpot
