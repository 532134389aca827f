// The path of penalties: which are nodes, what they predict, and both ways to walk it.
#include "stockpot/train/probe_path.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "digits.h"
#include "stockpot/train/feature_statistics.h"
#include "stockpot/train/packed_rows.h"
#include "stockpot/train/path_nodes.h"
#include "stockpot/train/tensor_rows.h"

namespace stockpot {
namespace {

TEST(ChooseNodes, TakesTheEndsAndNoGapBeyondTheRatio) {
  EXPECT_EQ(choose_nodes({1, 1.1, 1.2, 1.3, 2, 3}, 2.4), (std::vector<std::size_t>{0, 4, 5}));
  EXPECT_EQ(choose_nodes({1, 10, 100}, 2.4), (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(choose_nodes({5}, 2.4), (std::vector<std::size_t>{0}));
  EXPECT_EQ(choose_nodes(logspace(-7, 2, 100), 2.4).size(), 26U);
}

Normalisation global_normalisation(const at::Tensor& x) {
  const FeatureStatistics statistics = feature_statistics("training", x);
  return {statistics.mean,
          std::vector<double>(statistics.mean.size(), 1 / std::sqrt(statistics.global_variance))};
}

at::Tensor features() { return test::digits().features.slice(0, 0, 1000); }
at::Tensor labels() { return test::digits().labels.slice(0, 0, 1000).contiguous(); }

std::unique_ptr<FeatureRows> exact() {
  return std::make_unique<TensorRows>(features(), global_normalisation(features()), labels(), 10,
                                      Precision::float64);
}

struct Walk {
  std::vector<double> objectives = std::vector<double>(100);
  std::vector<std::int64_t> correct = std::vector<std::int64_t>(100);
  std::int64_t evaluations = 0;
};

Walk walk(FeatureRows& rows, double tolerance) {
  Walk result;
  PathOptions options;
  options.c = logspace(-7, 2, 100);
  options.tolerance = tolerance;
  std::set<std::size_t> seen;
  result.evaluations = solve_path(rows, exact, std::vector<double>(10, 0.1), options,
                                  [&](std::span<const PathSolution> solutions) {
                                    for (const PathSolution& one : solutions) {
                                      EXPECT_TRUE(one.converged);
                                      EXPECT_TRUE(seen.insert(one.index).second);
                                      result.objectives[one.index] = one.objective;
                                      result.correct[one.index] = one.correct;
                                    }
                                  });
  EXPECT_EQ(seen.size(), 100U);
  return result;
}

// As rows that come from memory, or lie on a GPU.
template <typename Rows>
class Sociable : public Rows {
 public:
  using Rows::Rows;
  std::size_t company() const override { return 2; }
};

TEST(ProbePath, IsTheSameFromOneEndAndFromBothAndByEitherKindOfRows) {
  const Normalisation normalisation = global_normalisation(features());
  const auto best = exact();
  const Walk optimum = walk(*best, 1e-11);
  PackedRows<float> alone(features(), normalisation, labels(), 10);
  Sociable<PackedRows<float>> packed(features(), normalisation, labels(), 10);
  Sociable<TensorRows> tensors(features(), normalisation, labels(), 10, Precision::float32);
  for (FeatureRows* rows : {static_cast<FeatureRows*>(&alone), static_cast<FeatureRows*>(&packed),
                            static_cast<FeatureRows*>(&tensors)}) {
    const Walk result = walk(*rows, 5e-7);
    for (std::size_t i = 0; i < 100; ++i) {
      EXPECT_NEAR(result.objectives[i] / optimum.objectives[i], 1, 1e-6) << i;
      EXPECT_NEAR(result.correct[i], optimum.correct[i], 3) << i;
    }
    EXPECT_LT(result.evaluations, 500);
  }
}

TEST(ProbePath, PredictsTheOptimumBetweenItsNodes) {
  const Normalisation normalisation = global_normalisation(features());
  const auto rows = exact();
  const GramMetric metric(*rows);
  PathOptions options;
  options.c = {0.01, 0.02, 0.03, 0.04, 0.08, 0.16};
  options.tolerance = 1e-13;
  std::vector<PathNode> nodes(6);
  solve_path(*rows, exact, std::vector<double>(10, 0.1), options,
             [&](std::span<const PathSolution> solutions) {
               for (const PathSolution& one : solutions)
                 nodes[one.index] = {one.index, std::log(options.c[one.index]), 0.1,
                                     *one.coefficients, CurvatureHistory()};
             });
  const PathNode* around[] = {&nodes[5], &nodes[4], &nodes[0], &nodes[3], &nodes[1]};
  const Coefficients predicted = predict(around, 0.03, metric, 1, 10);
  double distance = 0, size = 0;
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    distance += std::pow(predicted[i] - nodes[2].coefficients[i], 2);
    size += std::pow(nodes[2].coefficients[i], 2);
  }
  EXPECT_LT(std::sqrt(distance / size), 1e-3);
}

}  // namespace
}  // namespace stockpot
