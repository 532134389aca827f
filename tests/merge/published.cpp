// Every method and option against whole-vector formulas in numpy (fixtures/merge/make.py).
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>

#include "stockpot/checkpoint/checkpoint.h"
#include "stockpot/merge/dare.h"
#include "stockpot/merge/fisher.h"
#include "stockpot/merge/model_stock.h"
#include "stockpot/merge/regmean.h"
#include "stockpot/merge/spherical.h"
#include "stockpot/merge/task_arithmetic.h"
#include "stockpot/merge/ties.h"
#include "tests/merge/jobs.h"

namespace stockpot {
namespace {

Checkpoint fixture(const std::string& name) {
  return Checkpoint::open(fs::path(STOCKPOT_SOURCE_DIR) / "tests" / "fixtures" / "merge" /
                          (name + ".safetensors"));
}

std::vector<Checkpoint> three(const std::string& name) {
  return {fixture(name + "0"), fixture(name + "1"), fixture(name + "2")};
}

using Method = std::unique_ptr<MergeMethod>;

struct Case {
  std::string name;
  std::function<Method()> make;
  std::vector<double> weights{1, 1, 1};
  bool base = true;

  // Names of tests must not hold addresses.
  friend void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }
};

const std::vector<double> kWeights{0.5, 2, 1};
const std::vector<std::uint64_t> kKeys{11, (std::uint64_t{1} << 63) + 5, 13};

Method ties_with(
    const std::string& preset, double density,
    const std::function<void(TiesOptions&)>& change = [](TiesOptions&) {}) {
  TiesOptions options = ties_preset(preset);
  options.trim.density = density;
  change(options);
  return ties(options);
}

std::vector<Case> task_vector_cases() {
  return {
      {"task", [] { return task_arithmetic({}); }},
      {"task-lambda", [] { return task_arithmetic({.lambda = 0.3}); }, kWeights},
      {"task-normalize",
       [] {
         return task_arithmetic({1.5, true});
       },
       kWeights},
      {"task-analogy", [] { return task_arithmetic({}); }, {1, 1, -1}},
      {"ties-paper", [] { return ties({}); }},
      {"ties-paper-weights",
       [] { return ties_with("paper", 0.6, [](TiesOptions& o) { o.lambda = 0.7; }); }, kWeights},
      {"ties-sum",
       [] { return ties_with("paper", 0.6, [](TiesOptions& o) { o.normalize = false; }); }},
      {"ties-tensor",
       [] {
         return ties_with("paper", 0.5, [](TiesOptions& o) { o.trim.scope = TrimScope::tensor; });
       }},
      {"ties-majority",
       [] {
         return ties_with("paper", 0.9, [](TiesOptions& o) { o.zero_sum = ZeroSum::majority; });
       }},
      {"ties-reference", [] { return ties_with("reference", 0.5); }},
      {"ties-mergekit", [] { return ties_with("mergekit", 0.55); }, kWeights},
      {"magnitude-global", [] { return magnitude_merge({.density = 0.3}, {}); }, kWeights},
      {"magnitude-tensor",
       [] { return magnitude_merge({.density = 0.3, .scope = TrimScope::tensor}, {}); }},
      {"breadcrumbs",
       [] {
         return breadcrumbs_merge({0.6, 0.05}, {});
       },
       kWeights},
      {"breadcrumbs-mergekit",
       [] {
         return breadcrumbs_merge({0.55, 0.1, TrimCount::truncated}, {});
       }},
      {"breadcrumbs-elect",
       [] {
         return breadcrumbs_merge({0.9, 0.2}, {.elect = true});
       }},
      {"dare", [] { return dare({.density = 0.4, .seed = 7}, {.lambda = 0.5}, kKeys); }, kWeights},
      {"dare-keep",
       [] {
         return dare({.density = 0.4, .rescale = false, .seed = (std::uint64_t{1} << 40) + 3}, {},
                     kKeys);
       }},
      {"dare-ties",
       [] { return dare({.density = 0.7, .seed = 7}, {.elect = true, .normalize = true}, kKeys); },
       kWeights},
  };
}

template <typename Class, typename Options>
std::function<Method()> making(Options options) {
  return [options] { return std::make_unique<Class>(options); };
}

std::vector<Case> other_cases() {
  SlerpOptions rows = SlerpOptions::nuslerp();
  rows.by_rows = true;
  using Minimum = FisherOptions::Minimum;
  return {
      {"stock", making<ModelStock>(ModelStockOptions{})},
      {"stock-free", making<ModelStock>(ModelStockOptions{.clamp = false})},
      {"stock-angles",
       making<ModelStock>(ModelStockOptions{.clamp = false, .average_angles = true})},
      {"stock-filter", making<ModelStock>(ModelStockOptions{.by_filter = true, .clamp = false})},
      {"slerp", making<Slerp>(SlerpOptions{.t = 0.3}), {1, 1}, false},
      {"slerp-base", making<Slerp>(SlerpOptions{.t = 0.3}), {1, 1}},
      {"nuslerp", making<Slerp>(SlerpOptions::nuslerp()), {0.5, 2}},
      {"nuslerp-rows", making<Slerp>(rows), {0.5, 2}},
      {"karcher", making<KarcherMean>(KarcherOptions{}), {1, 1, 1}, false},
      {"karcher-base", making<KarcherMean>(KarcherOptions{}), kWeights},
      {"multislerp", making<KarcherMean>(KarcherOptions{.iterations = 0}), kWeights},
      {"fisher",
       [] { return std::make_unique<FisherMerge>(three("fisher"), FisherOptions{}); },
       {1, 1, 1},
       false},
      {"fisher-add",
       [] {
         return std::make_unique<FisherMerge>(three("fisher"), FisherOptions{Minimum::add, 1e-3});
       },
       kWeights, false},
      {"fisher-normalize",
       [] {
         return std::make_unique<FisherMerge>(three("fisher"),
                                              FisherOptions{Minimum::add, 1e-6, true});
       },
       kWeights, false},
      {"regmean",
       [] { return std::make_unique<RegMean>(three("gram"), RegMeanOptions{}); },
       {1, 1, 1},
       false},
      {"regmean-weights",
       [] { return std::make_unique<RegMean>(three("gram"), RegMeanOptions{0.6}); }, kWeights,
       false},
  };
}

std::vector<Case> all_cases() {
  std::vector<Case> cases = task_vector_cases();
  for (Case& more : other_cases()) cases.push_back(std::move(more));
  return cases;
}

// The jobs of a case; the checkpoints must outlive them.
std::vector<TensorJob> jobs_of(const Case& test, const std::vector<Checkpoint>& models,
                               const Checkpoint& base, const std::vector<std::size_t>& order) {
  std::vector<TensorJob> jobs;
  for (const TensorView& tensor : base.tensors()) {
    TensorJob job;
    job.name = tensor.name;
    if (test.base) job.base = &tensor;
    for (const std::size_t i : order) {
      job.models.push_back(&models[i].at(tensor.name));
      job.weights.push_back(test.weights[i]);
      job.origin.push_back(i);
    }
    jobs.push_back(std::move(job));
  }
  return jobs;
}

class Published : public testing::TestWithParam<Case> {
 protected:
  std::vector<std::vector<double>> merge(const std::vector<std::size_t>& order,
                                         std::int64_t piece = kTileElements) const {
    const Method method = GetParam().make();
    EXPECT_TRUE(!method->needs_base() || GetParam().base);
    return merged(*method, jobs_of(GetParam(), models_, base_, order), piece);
  }
  std::vector<std::size_t> as_given() const {
    return GetParam().weights.size() == 2 ? std::vector<std::size_t>{0, 1}
                                          : std::vector<std::size_t>{0, 1, 2};
  }
  const Checkpoint base_ = fixture("base");
  const std::vector<Checkpoint> models_ = three("model");
};

TEST_P(Published, EqualsTheFormulaInNumpy) {
  const Checkpoint expected = fixture("expected");
  const auto results = merge(as_given());
  for (std::size_t i = 0; i < results.size(); ++i) {
    const TensorView& wanted = expected.at(GetParam().name + "/" + base_.tensors()[i].name);
    ASSERT_EQ(element_count(wanted.shape), static_cast<std::int64_t>(results[i].size()));
    std::vector<double> values(results[i].size());
    read_values(wanted, values);
    for (std::size_t j = 0; j < values.size(); ++j) {
      EXPECT_NEAR(results[i][j], values[j], 1e-12) << wanted.name << " " << j;
      EXPECT_EQ(static_cast<float>(results[i][j]), static_cast<float>(values[j]));
    }
  }
}

TEST_P(Published, DoesNotDependOnPiecesOrThreads) {
  const auto wanted = merge(as_given());
  const int usual = threads();
  for (const int count : {1, 2, 7}) {
    set_threads(count);
    EXPECT_EQ(merge(as_given()), wanted);
    EXPECT_EQ(merge(as_given(), 5), wanted);
  }
  set_threads(usual);
}

TEST_P(Published, PermutingTheModelsWithTheirWeightsChangesNothing) {
  const auto wanted = merge(as_given());
  const auto permuted = merge(GetParam().weights.size() == 2 ? std::vector<std::size_t>{1, 0}
                                                             : std::vector<std::size_t>{2, 0, 1});
  for (std::size_t i = 0; i < wanted.size(); ++i)
    for (std::size_t j = 0; j < wanted[i].size(); ++j)
      EXPECT_NEAR(permuted[i][j], wanted[i][j], 1e-12);
}

INSTANTIATE_TEST_SUITE_P(Methods, Published, testing::ValuesIn(all_cases()), [](const auto& test) {
  std::string name = test.param.name;
  std::erase(name, '-');
  return name;
});

}  // namespace
}  // namespace stockpot
