// The linear probe on data that are hard for a solver, and on bad input.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "digits.h"
#include "stockpot/base/error.h"
#include "stockpot/base/random.h"
#include "stockpot/model/runtime.h"
#include "support.h"

namespace stockpot {
namespace {

using test::digits;
using test::penalties;

struct Data {
  at::Tensor x, y;
  std::int64_t classes = 0;
};

// Classes around random centres; `noise` is their width.
Data clusters(std::int64_t rows, std::int64_t features, std::int64_t classes, double noise) {
  RandomStream random(7, Purpose::test);
  std::vector<double> centres(static_cast<std::size_t>(classes * features));
  for (double& value : centres) value = random.normal();
  Data data{at::empty({rows, features}, at::kFloat), at::empty({rows}, at::kLong), classes};
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t label = i % classes;
    data.y.data_ptr<std::int64_t>()[i] = label;
    for (std::int64_t j = 0; j < features; ++j)
      data.x.data_ptr<float>()[i * features + j] = static_cast<float>(
          centres[static_cast<std::size_t>(label * features + j)] + noise * random.normal());
  }
  return data;
}

ProbeResult probe(const Data& data, const ProbeOptions& options) {
  return fit_probe(data.x, data.y, data.x, data.y, data.classes, options);
}

// The fast path against one that goes on in float64 until the gap is 1e5 times smaller.
void expect_optimal(const Data& data, const std::vector<double>& c) {
  const ProbeResult fast = probe(data, penalties(c, 5e-7));
  const ProbeResult exact = probe(data, penalties(c, 5e-12));
  for (std::size_t i = 0; i < c.size(); ++i) {
    EXPECT_TRUE(fast.path[i].converged) << c[i];
    EXPECT_TRUE(exact.path[i].converged) << c[i];
    EXPECT_LT(fast.path[i].objective / exact.path[i].objective - 1, 1e-6) << c[i];
    EXPECT_GT(fast.path[i].objective / exact.path[i].objective - 1, -1e-6) << c[i];
  }
}

TEST(ProbeCases, SeparableDataHaveAnOptimumAtEveryPenalty) {
  expect_optimal(clusters(200, 20, 4, 0.1), logspace(-7, 4, 40));
}

TEST(ProbeCases, NoisyClassesThatOverlap) {
  expect_optimal(clusters(1500, 8, 3, 3), logspace(-7, 2, 40));
}

TEST(ProbeCases, AThousandClasses) { expect_optimal(clusters(1500, 8, 1000, 0.3), {1e-2, 1}); }

TEST(ProbeCases, TwoClasses) { expect_optimal(clusters(300, 30, 2, 2), logspace(-7, 2, 50)); }

TEST(ProbeCases, FewerRowsThanClassesAndThanFeatures) {
  Data data = clusters(6, 40, 6, 1);
  data.classes = 20;
  expect_optimal(data, logspace(-5, 2, 20));
  const ProbeResult result = probe(data, penalties({1}));
  EXPECT_EQ(result.path[0].held_out, (Accuracy{6, 6}));
  ASSERT_EQ(result.warnings.size(), 2U);
  EXPECT_EQ(result.warnings[0], "14 classes have no training rows: the probe never predicts them");
}

TEST(ProbeCases, ClassesOfVeryDifferentSizes) {
  Data data = clusters(600, 5, 3, 2);
  // 596, 2 and 2 rows.
  for (std::int64_t i = 0; i < 600; ++i) data.y.data_ptr<std::int64_t>()[i] = i < 4 ? 1 + i % 2 : 0;
  expect_optimal(data, logspace(-7, 3, 30));
}

TEST(ProbeCases, RepeatedRowsAndColumns) {
  Data data = clusters(100, 6, 3, 1);
  data.x = data.x.repeat({3, 4});
  data.y = data.y.repeat({3});
  expect_optimal(data, logspace(-6, 2, 20));
}

TEST(ProbeCases, FeaturesThatAreAllTheSameLeaveTheSharesOfTheClasses) {
  Data data = clusters(90, 4, 3, 1);
  data.x.fill_(3);
  const ProbeResult result = probe(data, penalties(logspace(-3, 3, 7)));
  for (const ProbePoint& point : result.path) {
    EXPECT_TRUE(point.converged);
    EXPECT_NEAR(point.objective / (point.c * 90 * std::log(3)), 1, 1e-6);
  }
  EXPECT_EQ(result.chosen, 0U);
  EXPECT_LT(result.weight.abs().max().item<double>(), 1e-6);
}

TEST(ProbeCases, AFeatureWithoutVarianceChangesNothing) {
  const Data data = clusters(200, 6, 3, 2);
  Data more = data;
  more.x = at::zeros({200, 7}, at::kFloat);
  more.x.slice(1, 0, 6).copy_(data.x);
  more.x.select(1, 6).fill_(0.1f);
  ProbeOptions options = penalties({0.01, 0.1, 1}, 1e-10);
  options.scaling = ProbeScaling::per_feature;
  const ProbeResult a = probe(data, options), b = probe(more, options);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_NEAR(a.path[i].objective / b.path[i].objective, 1, 1e-9);
  EXPECT_EQ(b.weight.select(1, 6).abs().max().item<double>(), 0);
  ASSERT_FALSE(b.warnings.empty());
  EXPECT_EQ(b.warnings.back(), "1 feature is the same in every training row");
}

// Columns that are standardised already are their own normalisation, of either kind.
TEST(ProbeCases, PerFeatureScalingIsStandardisation) {
  Data raw = clusters(400, 10, 4, 2);
  for (std::int64_t j = 0; j < 10; ++j) raw.x.select(1, j).mul_(std::pow(3.0, j)).add_(5.0 * j);
  Data standard = raw;
  const at::Tensor x = raw.x.to(at::kDouble);
  standard.x = x.sub(x.mean(0)).div(x.std(0, /*unbiased=*/false)).to(at::kFloat);
  ProbeOptions options = penalties({0.01, 1}, 1e-10);
  const ProbeResult global = probe(standard, options);
  options.scaling = ProbeScaling::per_feature;
  const ProbeResult own = probe(raw, options);
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_NEAR(own.path[i].objective / global.path[i].objective, 1, 1e-6);
  EXPECT_LT(test::largest_difference(at::linear(raw.x, own.weight, own.bias),
                                     at::linear(standard.x, global.weight, global.bias)),
            1e-3);
}

TEST(ProbeCases, AnyNumberOfThreadsGivesTheSameBits) {
  const Data data = clusters(5000, 30, 6, 3);
  const int before = at::get_num_threads();
  std::vector<ProbeResult> results;
  for (const int threads : {1, 2, 5}) {
    set_torch_threads(threads);
    results.push_back(probe(data, penalties(logspace(-5, 1, 20))));
  }
  set_torch_threads(before);
  for (const ProbeResult& result : results) {
    EXPECT_TRUE(test::same_bits(result.weight, results[0].weight));
    for (std::size_t i = 0; i < 20; ++i)
      EXPECT_EQ(result.path[i].objective, results[0].path[i].objective);
  }
}

TEST(ProbeCases, WarnsOfClassesWithoutHeldOutRows) {
  const Data data = clusters(60, 4, 3, 1);
  const ProbeResult result =
      fit_probe(data.x, data.y, data.x.slice(0, 0, 2), data.y.slice(0, 0, 2), 3, penalties({1}));
  ASSERT_EQ(result.warnings.size(), 1U);
  EXPECT_EQ(result.warnings[0], "1 class has no held-out rows, and no say in the choice of C");
}

TEST(ProbeCases, WarnsAtTheEdgeOfTheGrid) {
  const Data data = clusters(200, 4, 3, 2);
  const ProbeResult result = probe(data, penalties({1e-7, 1e-6}));
  ASSERT_FALSE(result.warnings.empty());
  EXPECT_TRUE(result.at_grid_edge);
  EXPECT_NE(result.warnings[0].find("edge of the grid"), std::string::npos);
}

std::string refusal(const std::function<void()>& body) {
  try {
    body();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(ProbeCases, ABadGridIsRefusedByName) {
  const Data data = clusters(30, 4, 3, 1);
  const auto message = [&](std::vector<double> c) {
    return refusal([&] { probe(data, penalties(std::move(c))); });
  };
  EXPECT_EQ(message({1, 2, 2, 3}), "penalty number 3 of the probe, C = 2, is there twice");
  EXPECT_EQ(message({-0.5, 2}),
            "penalty number 1 of the probe, C = -0.5, is not a positive number");
  EXPECT_EQ(message({0.1, 0}), "penalty number 2 of the probe, C = 0, is not a positive number");
  EXPECT_EQ(message({0.1, std::nan("")}),
            "penalty number 2 of the probe, C = nan, is not a positive number");
  EXPECT_EQ(message({0.1, 5, 1}),
            "penalty number 3 of the probe, C = 1, is smaller than the one before it (5): list the "
            "penalties in increasing order");
}

TEST(ProbeCases, TrainingRowsOfOneClassAreRefused) {
  Data data = clusters(30, 4, 3, 1);
  data.y.fill_(1);
  EXPECT_EQ(refusal([&] { probe(data, penalties({1})); }),
            "the training set has rows of one class only; a probe needs two");
}

TEST(ProbeCases, AFeatureThatIsNotFiniteIsNamed) {
  Data data = clusters(30, 4, 3, 1);
  data.x.data_ptr<float>()[17 * 4 + 2] = std::nanf("");
  data.x.data_ptr<float>()[20 * 4 + 1] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(refusal([&] { probe(data, penalties({1})); }),
            "the features of the training set hold NaN in row 17, column 2 (2 of 30 rows are not "
            "finite): look for a broken image or an overflow in the model");
  const Data good = clusters(30, 4, 3, 1);
  EXPECT_THROW(fit_probe(good.x, good.y, data.x, data.y, 3, penalties({1})), RunError);
}

TEST(ProbeCases, OnCudaEqualsTheCpu) {
  if (!at::globalContext().hasCUDA()) GTEST_SKIP() << "there is no CUDA device";
  const Data data = clusters(3000, 40, 7, 3);
  const ProbeOptions options = penalties(logspace(-7, 2, 40));
  const ProbeResult cpu = probe(data, options);
  const ProbeResult cuda = probe({data.x.cuda(), data.y.cuda(), 7}, options);
  for (std::size_t i = 0; i < 40; ++i)
    EXPECT_NEAR(cuda.path[i].objective / cpu.path[i].objective, 1, 5e-7);
}

}  // namespace
}  // namespace stockpot
