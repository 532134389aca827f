// What holds for every method: equal inputs, scale, translation, empty and zero tensors, and
// the special cases in which methods meet.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <ostream>

#include "stockpot/merge/dare.h"
#include "stockpot/merge/model_stock.h"
#include "stockpot/merge/spherical.h"
#include "stockpot/merge/task_arithmetic.h"
#include "stockpot/merge/ties.h"
#include "tests/merge/jobs.h"

namespace stockpot {
namespace {

using Values = std::vector<double>;
using Method = std::unique_ptr<MergeMethod>;

struct Named {
  const char* name;
  std::function<Method()> make;
  bool moves_with_base = true;  // a constant added to everything is added to the result

  // Names of tests must not hold addresses.
  friend void PrintTo(const Named& one, std::ostream* out) { *out << one.name; }
};

std::vector<Named> methods() {
  return {
      {"task", [] { return task_arithmetic({.lambda = 0.4}); }},
      {"ties", [] { return ties({}); }},
      {"reference", [] { return ties(ties_preset("reference")); }},
      {"mergekit", [] { return ties(ties_preset("mergekit")); }},
      {"dare",
       [] {
         return dare({}, {}, {3, 4});
       }},
      {"dareelect",
       [] {
         return dare({}, {.elect = true, .normalize = true}, {3, 4});
       }},
      {"magnitude", [] { return magnitude_merge({}, {}); }},
      {"breadcrumbs", [] { return breadcrumbs_merge({}, {}); }},
      {"stock", [] { return std::make_unique<ModelStock>(ModelStockOptions{}); }},
      {"filters",
       [] { return std::make_unique<ModelStock>(ModelStockOptions{.by_filter = true}); }},
      {"slerp", [] { return std::make_unique<Slerp>(SlerpOptions{.t = 0.3}); }},
      {"nuslerp", [] { return std::make_unique<Slerp>(SlerpOptions::nuslerp()); }},
      {"karcher", [] { return std::make_unique<KarcherMean>(KarcherOptions{}); }},
      {"multislerp", [] { return std::make_unique<KarcherMean>(KarcherOptions{.iterations = 0}); }},
  };
}

class Property : public testing::TestWithParam<Named> {
 protected:
  static std::vector<Values> merge(Ingredients& ingredients,
                                   const std::vector<double>& weights = {}) {
    return merged(*GetParam().make(), ingredients.jobs(weights));
  }
};

// Two models at `scale` from a base; `shift` is added to everything.
Ingredients around_base(double scale, double base_scale, double shift = 0) {
  Ingredients ingredients;
  const std::vector<std::pair<Shape, std::int64_t>> shapes{
      {{40, 60}, 2400}, {{70}, 70}, {{}, 1}, {{1}, 1}};
  std::uint64_t stream = 1;
  for (const auto& [shape, count] : shapes) {
    Values base = normal_values(count, stream++, base_scale);
    std::vector<Values> models;
    for (int i = 0; i < 2; ++i) {
      models.push_back(normal_values(count, stream++, scale));
      for (std::size_t j = 0; j < base.size(); ++j) models.back()[j] += base[j] + shift;
    }
    for (double& value : base) value += shift;
    ingredients.add("t" + std::to_string(stream), shape, base, models);
  }
  return ingredients;
}

TEST_P(Property, EqualModelsGiveThemselvesBitForBit) {
  for (const Dtype dtype : {Dtype::f64, Dtype::f32, Dtype::bf16}) {
    Ingredients ingredients;
    Values values = normal_values(5000, 1);
    values[0] = -0.0;
    values[1] = 0.0;
    values[2] = 1e-30;
    ingredients.add("w", {50, 100}, values, {values, values}, dtype);
    const std::vector<TensorJob> jobs = ingredients.jobs();
    const Values result = merged(*GetParam().make(), jobs)[0];
    const OwnedTensor got = tensor_of("w", {50, 100}, result, dtype);
    EXPECT_TRUE(std::ranges::equal(got.bytes, jobs[0].base->bytes));
  }
}

TEST_P(Property, TheScaleOfTheDifferencesHasNoEffect) {
  Ingredients unit = around_base(1, 0);
  const std::vector<Values> wanted = merge(unit);
  for (const double scale : {0x1p-13, 0x1p-27, 0x1p-100}) {
    Ingredients scaled = around_base(scale, 0);
    const std::vector<Values> results = merge(scaled);
    for (std::size_t i = 0; i < wanted.size(); ++i)
      for (std::size_t j = 0; j < wanted[i].size(); ++j)
        EXPECT_NEAR(results[i][j] / scale, wanted[i][j], 1e-12);
  }
}

TEST_P(Property, AConstantAddedToAllIsAddedToTheResult) {
  Ingredients plain = around_base(1, 1), shifted = around_base(1, 1, 2);
  const std::vector<Values> wanted = merge(plain), results = merge(shifted);
  for (std::size_t i = 0; i < wanted.size(); ++i)
    for (std::size_t j = 0; j < wanted[i].size(); ++j)
      EXPECT_NEAR(results[i][j], wanted[i][j] + 2, 1e-12);
}

TEST_P(Property, EmptyZeroAndSmallTensorsAreFinite) {
  Ingredients ingredients;
  ingredients.add("empty", {0}, {}, {{}, {}});
  ingredients.add("rows", {3, 0}, {}, {{}, {}});
  ingredients.add("zeros", {3, 4}, Values(12, 0.0), {Values(12, 0.0), Values(12, 0.0)});
  ingredients.add("one moved", {2, 3}, Values(6, 1.0), {Values(6, 1.0), {1, 2, 3, 4, 5, 6}});
  ingredients.add("scalar", {}, {1}, {{2}, {3}});
  ingredients.add("opposite", {2}, {0, 0}, {{1, 2}, {-1, -2}});
  const std::vector<Values> results = merge(ingredients);
  EXPECT_TRUE(results[0].empty());
  EXPECT_EQ(results[2], Values(12, 0.0));
  for (const Values& values : results)
    for (const double value : values) EXPECT_TRUE(std::isfinite(value));
}

TEST_P(Property, LargeTensorsDoNotDependOnThreadsOrOnWhatIsKept) {
  Ingredients ingredients;
  ingredients.add("w", {300, 700}, normal_values(210'000, 1),
                  {normal_values(210'000, 2), normal_values(210'000, 3)}, Dtype::f32);
  const std::vector<TensorJob> jobs = ingredients.jobs();
  const int usual = threads();
  set_threads(1);
  const std::vector<Values> wanted = merged(*GetParam().make(), jobs);
  for (const int count : {2, 7}) {
    set_threads(count);
    EXPECT_EQ(merged(*GetParam().make(), jobs, 1000), wanted);
    EXPECT_EQ(merged(*GetParam().make(), jobs, 1000, false), wanted);
  }
  set_threads(usual);
}

INSTANTIATE_TEST_SUITE_P(Methods, Property, testing::ValuesIn(methods()),
                         [](const auto& test) { return test.param.name; });

class Meeting : public testing::Test {
 protected:
  Meeting() {
    base_ = normal_values(3000, 1);
    for (std::uint64_t i = 2; i < 5; ++i) {
      models_.push_back(normal_values(3000, i, 0.1));
      for (std::size_t j = 0; j < base_.size(); ++j) models_.back()[j] += base_[j];
    }
    ingredients_.add("w", {30, 100}, base_, models_, Dtype::f32);
    jobs_ = ingredients_.jobs();
    for (Values& model : models_)
      for (double& value : model) value = static_cast<float>(value);
  }
  void expect_mean(const Values& values) const {
    for (std::size_t j = 0; j < values.size(); ++j)
      EXPECT_NEAR(values[j], (models_[0][j] + models_[1][j] + models_[2][j]) / 3, 1e-15);
  }
  Values base_;
  std::vector<Values> models_;
  Ingredients ingredients_;
  std::vector<TensorJob> jobs_;
};

TEST_F(Meeting, TaskArithmeticWithOneOverKIsTheMean) {
  expect_mean(merged(*task_arithmetic({.lambda = 1.0 / 3}), jobs_)[0]);
  expect_mean(merged(*task_arithmetic({.normalize = true}), jobs_)[0]);
}

TEST_F(Meeting, DareThatKeepsAllIsTheMean) {
  expect_mean(merged(*dare({.density = 1}, {.lambda = 1.0 / 3}, {1, 2, 3}), jobs_)[0]);
}

TEST_F(Meeting, TiesWithAgreeingSignsIsTheMean) {
  Ingredients agreeing;
  std::vector<Values> models = models_;
  for (std::size_t j = 0; j < base_.size(); ++j)
    for (Values& model : models) model[j] = base_[j] + std::abs(model[j]) + 0.1;
  agreeing.add("w", {3000}, base_, models);
  const Values values = merged(*ties({.trim = {.density = 1}}), agreeing.jobs())[0];
  for (std::size_t j = 0; j < values.size(); ++j)
    EXPECT_NEAR(values[j], (models[0][j] + models[1][j] + models[2][j]) / 3, 1e-14);
}

TEST_F(Meeting, NegationUndoesATask) {
  const Values forward = merged(*task_arithmetic({.lambda = 0.5}), jobs_)[0];
  const Values back = merged(*task_arithmetic({.lambda = -0.5}), jobs_)[0];
  for (std::size_t j = 0; j < forward.size(); ++j)
    EXPECT_NEAR(forward[j] + back[j], 2 * static_cast<double>(static_cast<float>(base_[j])), 1e-14);
}

}  // namespace
}  // namespace stockpot
