// Defects of other programs that concern the methods, as tests: D1-D11 of the catalogue of
// merging methods (integers, shapes and types are the engine's).
#include <gtest/gtest.h>

#include <cmath>

#include "stockpot/merge/dare.h"
#include "stockpot/merge/fisher.h"
#include "stockpot/merge/model_stock.h"
#include "stockpot/merge/spherical.h"
#include "stockpot/merge/task_arithmetic.h"
#include "stockpot/merge/ties.h"
#include "tests/merge/jobs.h"

namespace stockpot {
namespace {

using Values = std::vector<double>;

std::int64_t count_not_zero(const Values& values) {
  return std::ranges::count_if(values, [](double x) { return x != 0; });
}

TEST(Traps, D2_BreadcrumbsOfFewElementsKeepTheirDensity) {
  Ingredients ingredients;
  ingredients.add("w", {57}, Values(57, 0.0), {normal_values(57, 1)});
  const auto method = breadcrumbs_merge({.density = 0.5, .gamma = 0.01}, {});
  EXPECT_EQ(count_not_zero(merged(*method, ingredients.jobs())[0]), 29);
  const auto truncated = breadcrumbs_merge({0.5, 0.01, TrimCount::truncated}, {});
  EXPECT_EQ(count_not_zero(merged(*truncated, ingredients.jobs())[0]), 28);
}

// Three models whose task vectors share a part, so that the cosines are near one half.
Ingredients related(double scale) {
  const Values shared = normal_values(768, 1, scale);
  std::vector<Values> models;
  for (std::uint64_t i = 2; i < 5; ++i) {
    Values model = normal_values(768, i, scale);
    for (std::size_t j = 0; j < model.size(); ++j) model[j] += shared[j];
    models.push_back(model);
  }
  Ingredients ingredients;
  ingredients.add("w", {768}, Values(768, 0.0), models);
  return ingredients;
}

TEST(Traps, D3_ModelStockDoesNotDependOnTheScaleOfTheDifferences) {
  const auto ratio = [](double scale) {
    Ingredients ingredients = related(scale);
    ModelStock method({});
    merged(method, ingredients.jobs());
    return method.findings().find("tensors")->items()[0].find("t")->as_number();
  };
  const double wanted = ratio(1);
  EXPECT_NEAR(wanted, 0.75, 0.05);
  for (const double scale : {1e-4, 1e-5, 1e-8, 1e-30}) EXPECT_NEAR(ratio(scale), wanted, 1e-12);
}

TEST(Traps, D5_ScalarParametersAreMerged) {
  Ingredients ingredients;
  ingredients.add("logit_scale", {}, {2}, {{3}, {3.5}});
  ingredients.add("one", {1}, {1}, {{1.5}, {2}});
  TiesOptions by_tensor = ties_preset("mergekit");
  by_tensor.trim.density = 0.5;
  const std::vector<Values> wanted{{3.25}, {1.75}};
  EXPECT_EQ(merged(*ties(by_tensor), ingredients.jobs()), wanted);
  by_tensor.trim.count = TrimCount::rounded;
  EXPECT_EQ(merged(*ties(by_tensor), ingredients.jobs()), wanted);
  const auto crumbs = breadcrumbs_merge({.density = 0.4, .gamma = 0.3}, {.normalize = true});
  EXPECT_EQ(merged(*crumbs, ingredients.jobs()), wanted);
}

TEST(Traps, D6_AWeightOfZeroIsAWeight) {
  const Values a = normal_values(50, 1), b = normal_values(50, 2), base = normal_values(50, 3);
  Ingredients ingredients;
  ingredients.add("w", {50}, base, {a, b}, Dtype::f32);
  const auto first = [&](MergeMethod& method, std::vector<double> weights) {
    Values values = merged(method, ingredients.jobs(weights))[0];
    for (double& value : values) value = static_cast<float>(value);
    return values;
  };
  Values rounded = a;
  for (double& value : rounded) value = static_cast<float>(value);
  EXPECT_EQ(first(*task_arithmetic({}), {1, 0}), rounded);
  EXPECT_EQ(first(*ties({.trim = {.density = 1}}), {1, 0}), rounded);
  EXPECT_EQ(first(*dare({.density = 1}, {}, {1, 2}), {1, 0}), rounded);
  Slerp slerp(SlerpOptions::nuslerp());
  EXPECT_EQ(first(slerp, {1, 0}), rounded);
  KarcherMean karcher({});
  EXPECT_EQ(first(karcher, {1, 0}), rounded);
}

TEST(Traps, D7_DareIsUnbiased) {
  // Small tensors show the bias of other rescalings; each within 3.5 standard errors (4 values).
  const Values tau{.2296, .9873, -.2897, -.0533};
  Ingredients ingredients;
  ingredients.add("w", {4}, Values(4, 0.0), {tau});
  const std::vector<TensorJob> jobs = ingredients.jobs();
  constexpr double kDensity = 0.3;
  constexpr int kSeeds = 10'000;
  Values mean(4, 0.0);
  for (int seed = 0; seed < kSeeds; ++seed) {
    const auto method =
        dare({.density = kDensity, .seed = static_cast<std::uint64_t>(seed)}, {}, {99});
    const Values values = merged(*method, jobs)[0];
    for (std::size_t i = 0; i < 4; ++i) mean[i] += values[i] / kSeeds;
  }
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(mean[i], tau[i],
                3.5 * std::abs(tau[i]) * std::sqrt((1 - kDensity) / kDensity / kSeeds));
}

TEST(Traps, D8_TrimRanksTheWholeModelOrEachTensor) {
  Ingredients ingredients;
  ingredients.add("large", {10}, Values(10, 0.0), {normal_values(10, 1, 100)});
  ingredients.add("small", {10}, Values(10, 0.0), {normal_values(10, 2, 0.01)});
  const auto kept = [&](TrimScope scope) {
    const auto values =
        merged(*ties({.trim = {.density = 0.5, .scope = scope}}), ingredients.jobs());
    return std::pair{count_not_zero(values[0]), count_not_zero(values[1])};
  };
  EXPECT_EQ(kept(TrimScope::global), std::pair(std::int64_t{10}, std::int64_t{0}));
  EXPECT_EQ(kept(TrimScope::tensor), std::pair(std::int64_t{5}, std::int64_t{5}));
}

TEST(Traps, D9_ModelStockIsClampedAndFinite) {
  EXPECT_EQ(stock_ratio(-0.2, 3, true), 0);
  EXPECT_NEAR(stock_ratio(-0.2, 3, false), -1, 1e-15);
  EXPECT_EQ(stock_ratio(-0.5, 3, true), 0);
  EXPECT_EQ(stock_ratio(-0.5, 3, false), 0);
  EXPECT_EQ(stock_ratio(-0.9, 3, true), 0);
  // Three vectors at 120 degrees.
  Ingredients ingredients;
  const double half = std::sqrt(3) / 2;
  ingredients.add("w", {2}, {1, 2}, {{2, 2}, {0.5, 2 + half}, {0.5, 2 - half}});
  for (const bool clamp : {true, false}) {
    ModelStock method({.clamp = clamp});
    const Values values = merged(method, ingredients.jobs())[0];
    for (const double value : values) EXPECT_TRUE(std::isfinite(value));
  }
}

TEST(Traps, D11_Bf16IsMergedInDoublePrecision) {
  const Values base = normal_values(500, 1);
  std::vector<Values> models;
  for (std::uint64_t i = 2; i < 9; ++i) {
    models.push_back(normal_values(500, i, 0.01));
    for (std::size_t j = 0; j < base.size(); ++j) models.back()[j] += base[j];
  }
  Ingredients ingredients;
  ingredients.add("w", {500}, base, models, Dtype::bf16);
  const std::vector<TensorJob> jobs = ingredients.jobs();
  const Values values = merged(*task_arithmetic({.lambda = 1.0 / 7}), jobs)[0];
  Values mean(500, 0.0), stored(500);
  for (const TensorView* model : jobs[0].models) {
    read_values(*model, stored);
    for (std::size_t j = 0; j < mean.size(); ++j) mean[j] += stored[j];
  }
  for (double& value : mean) value /= 7;
  const OwnedTensor got = tensor_of("w", {500}, values, Dtype::bf16);
  EXPECT_EQ(got.bytes, tensor_of("w", {500}, mean, Dtype::bf16).bytes);
}

}  // namespace
}  // namespace stockpot
