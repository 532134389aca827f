#include "stockpot/train/probe.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "digits.h"
#include "stockpot/base/error.h"
#include "stockpot/base/json.h"
#include "stockpot/base/random.h"
#include "support.h"

namespace stockpot {
namespace {

using test::digits;
using test::penalties;

// Table 3.3 of the specification. Its last digits are those of a solver that stopped early, so
// only an excess over it counts.
TEST(Probe, ReachesTheOptimumOnDigits) {
  const ProbeResult result = digits().probe(penalties({1e-4, 1e-3, 1e-2, 1e-1, 1}));
  const double objectives[] = {0.22346812, 1.79397308, 8.33507630, 27.58518316, 78.26468754};
  const std::int64_t held_out[] = {304, 361, 379, 385, 386};
  ASSERT_EQ(result.path.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(result.path[i].objective / objectives[i], 1, 1e-6) << i;
    EXPECT_EQ(result.path[i].held_out, (Accuracy{held_out[i], 400})) << i;
    EXPECT_TRUE(result.path[i].converged) << i;
  }
  EXPECT_EQ(result.chosen, 4U);
  EXPECT_TRUE(result.at_grid_edge);
  const at::Tensor test = at::linear(digits().features.slice(0, 1400), result.weight, result.bias);
  EXPECT_EQ(test.argmax(1).eq(digits().labels.slice(0, 1400)).sum().item<std::int64_t>(), 360);
}

TEST(Probe, StaysWithinItsToleranceOnTheWholePath) {
  const ProbeResult quick = digits().probe(penalties(logspace(-7, 2, 100), 5e-7));
  const ProbeResult exact = digits().probe(penalties(logspace(-7, 2, 100), 1e-12));
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_TRUE(quick.path[i].converged) << i;
    EXPECT_LT(quick.path[i].objective / exact.path[i].objective - 1, 1e-6) << i;
    EXPECT_TRUE(exact.path[i].converged) << i;
    EXPECT_LT(exact.path[i].gap, 1e-12) << i;
  }
  EXPECT_FALSE(quick.at_grid_edge);
  EXPECT_EQ(quick.path[quick.chosen].held_out.correct, 387);  // as the reference's own path
}

// Rows with the same features and other labels, and one row far from all others: the curvature that
// the solver sees says little about the rest.
TEST(Probe, StaysWithinItsToleranceWithAnOutlierAndContradictions) {
  const std::int64_t n = 50, d = 16, classes = 5;
  std::vector<float> values;
  std::vector<std::int64_t> names;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t twin = i % 5 == 4 ? i - 1 : i;
    RandomStream random(3, Purpose::test, 0, static_cast<std::uint64_t>(twin));
    names.push_back(i * i % 11 % classes);
    for (std::int64_t j = 0; j < d; ++j)
      values.push_back(static_cast<float>(random.normal() * (i == 20 ? 1000 : 1)));
  }
  const at::Tensor features = at::from_blob(values.data(), {n, d}, at::kFloat).clone();
  const at::Tensor labels = at::from_blob(names.data(), {n}, at::kLong).clone();
  const auto fit = [&](double tolerance) {
    return fit_probe(features, labels, features, labels, classes,
                     penalties(logspace(-1, 2, 31), tolerance));
  };
  const ProbeResult quick = fit(5e-7), exact = fit(1e-12);
  for (std::size_t i = 0; i < quick.path.size(); ++i)
    EXPECT_LT(quick.path[i].objective / exact.path[i].objective - 1, 1e-6) << i;
}

TEST(Probe, ChoosesTheStrongestPenaltyAmongEquals) {
  const ProbeResult result = digits().probe(penalties(logspace(-7, 2, 50)));
  for (std::size_t i = 0; i < 50; ++i) {
    const std::int64_t correct = result.path[i].held_out.correct;
    const std::int64_t best = result.path[result.chosen].held_out.correct;
    EXPECT_LT(correct, i < result.chosen ? best : best + 1) << i;
  }
}

TEST(Probe, HasColumnsThatSumToZeroOverTheClasses) {
  const ProbeResult result = digits().probe(penalties({0.1}));
  EXPECT_LT(result.weight.sum(0).abs().max().item<double>(), 1e-6);
  EXPECT_FALSE(result.at_grid_edge);  // one value is no grid
}

TEST(Probe, GivesTheSameBitsTwice) {
  const ProbeResult a = digits().probe(penalties({0.01, 0.1})),
                    b = digits().probe(penalties({0.01, 0.1}));
  EXPECT_TRUE(test::same_bits(a.weight, b.weight));
  EXPECT_TRUE(test::same_bits(a.bias, b.bias));
}

// Rows of some digits among the first 1000, and their labels.
std::pair<at::Tensor, at::Tensor> rows_of(const std::vector<std::int64_t>& kept) {
  const at::Tensor labels = digits().labels.slice(0, 0, 1000);
  at::Tensor mask = at::zeros({1000}, at::kBool);
  for (const std::int64_t digit : kept) mask.logical_or_(labels.eq(digit));
  const at::Tensor rows = mask.nonzero().flatten();
  return {digits().features.index_select(0, rows), labels.index_select(0, rows)};
}

// Binary problems too: scikit-learn then has one logistic row w, ours is (-w/2, +w/2).
TEST(Probe, EqualsScikitLearnAndGivesAbsentClassesZeroRows) {
  const Json cases = Json::read(test::fixtures() / "train/probe.json");
  for (const Json& entry : cases.items()) {
    std::vector<std::int64_t> present;
    for (const Json& digit : entry.find("digits")->items()) present.push_back(digit.as_integer());
    const auto [x, y] = rows_of(present);
    const ProbeResult result =
        fit_probe(x, y, x, y, 10, penalties({entry.find("c")->as_number()}, 1e-11));
    EXPECT_NEAR(result.path[0].objective / entry.find("objective")->as_number(), 1, 1e-7);

    const at::Tensor scores = at::linear(x, result.weight, result.bias);
    const auto& decisions = entry.find("decision")->items();
    for (std::size_t i = 0; i < decisions.size(); ++i) {
      const at::Tensor row = scores[static_cast<std::int64_t>(i)];
      if (present.size() == 2) {
        EXPECT_NEAR((row[present[1]] - row[present[0]]).item<double>(), decisions[i].as_number(),
                    1e-4);
        EXPECT_NEAR((row[present[1]] + row[present[0]]).item<double>(), 0, 1e-5);
      } else {
        // Softmax does not fix the sum of a row's logits: compare differences.
        const auto& expected = decisions[i].items();
        for (std::size_t k = 1; k < present.size(); ++k)
          EXPECT_NEAR((row[present[k]] - row[present[0]]).item<double>(),
                      expected[k].as_number() - expected[0].as_number(), 1e-4);
      }
    }
    for (std::int64_t digit = 0; digit < 10; ++digit) {
      if (std::find(present.begin(), present.end(), digit) != present.end()) continue;
      EXPECT_EQ(result.weight[digit].abs().sum().item<double>(), 0);
      EXPECT_EQ(result.bias[digit].item<double>(), 0);
    }
  }
}

TEST(Probe, FitsFewerRowsThanDimensions) {
  const at::Tensor x = digits().features.slice(0, 0, 40), y = digits().labels.slice(0, 0, 40);
  const ProbeResult few = fit_probe(x, y, x, y, 10, penalties({1}, 1e-11));
  // The same rows twice at half the C are the same problem, solved in all dimensions.
  const ProbeResult twice =
      fit_probe(x.repeat({2, 1}), y.repeat({2}), x, y, 10, penalties({0.5}, 1e-11));
  EXPECT_NEAR(few.path[0].objective / twice.path[0].objective, 1, 1e-9);
  EXPECT_LT(test::largest_difference(few.weight, twice.weight), 1e-4);
}

TEST(Probe, FoldsTheNormalisationBack) {
  const at::Tensor x = digits().features.slice(0, 0, 1000), y = digits().labels.slice(0, 0, 1000);
  const ProbeResult plain = fit_probe(x, y, x, y, 10, penalties({0.1}, 1e-11));
  const ProbeResult moved = fit_probe(x * 3 + 7, y, x * 3 + 7, y, 10, penalties({0.1}, 1e-11));
  EXPECT_LT(test::largest_difference(at::linear(x, plain.weight, plain.bias),
                                     at::linear(x * 3 + 7, moved.weight, moved.bias)),
            1e-4);
}

TEST(Probe, RefusesWhatItCannotFit) {
  const at::Tensor x = digits().features.slice(0, 0, 40), y = digits().labels.slice(0, 0, 40);
  const ProbeOptions one = penalties({1});
  EXPECT_THROW(fit_probe(x, at::zeros({40}, at::kLong), x, y, 10, one), UsageError);
  EXPECT_THROW(fit_probe(x, y, x, y, 5, one), UsageError);
  EXPECT_THROW(fit_probe(x, y, x, y, 10, penalties({1, 0.5})), UsageError);
  EXPECT_THROW(fit_probe(x, y, x, y, 10, penalties({})), UsageError);
  EXPECT_THROW(fit_probe(x.slice(0, 0, 39), y, x, y, 10, one), UsageError);
  EXPECT_THROW(fit_probe(x / 0, y, x, y, 10, one), RunError);
}

TEST(Logspace, IsNumpys) {
  const std::vector<double> grid = logspace(-7, 2, 100);
  ASSERT_EQ(grid.size(), 100U);
  EXPECT_DOUBLE_EQ(grid.front(), 1e-7);
  EXPECT_DOUBLE_EQ(grid.back(), 100);
  EXPECT_NEAR(grid[69], 0.187382, 1e-6);
}

}  // namespace
}  // namespace stockpot
