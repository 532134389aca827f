#include "stockpot/data/mixing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "stockpot/base/error.h"
#include "tests/data/picture.h"

namespace stockpot {
namespace {

Mixing plan(const MixingOptions& options, std::int64_t batch) {
  return plan_mixing(options, 5, 1, batch, 64, 48);
}

TEST(SymmetricBeta, HasTheQuantilesOfScipy) {
  std::map<std::string, std::vector<double>> draws;
  constexpr int kDraws = 40'000;
  for (const auto& row : test::fixture_rows("mixing.tsv")) {
    std::vector<double>& values = draws[row.at(0)];
    if (values.empty()) {
      RandomStream random(9, Purpose::test, 0, draws.size());
      while (values.size() < kDraws) values.push_back(symmetric_beta(std::stod(row.at(0)), random));
    }
    const double p = std::stod(row.at(1)), quantile = std::stod(row.at(2));
    const auto below =
        std::count_if(values.begin(), values.end(), [&](double v) { return v <= quantile; });
    EXPECT_NEAR(static_cast<double>(below) / kDraws, p, 4 * std::sqrt(p * (1 - p) / kDraws))
        << join(row, " ");
  }
}

TEST(SymmetricBeta, StaysWithinItsBoundsForExtremeAlphas) {
  for (const double alpha : {1e-6, 1e-3, 1e3, 1e9}) {
    RandomStream random(9, Purpose::test);
    double distance = 0;
    for (int i = 0; i < 1000; ++i) {
      const double value = symmetric_beta(alpha, random);
      ASSERT_GE(value, 0);
      ASSERT_LE(value, 1);
      distance += std::abs(value - 0.5) / 1000;
    }
    EXPECT_NEAR(distance, alpha < 1 ? 0.5 : 0, 0.02);
  }
}

TEST(CutmixBox, EqualsTimmsClippedBoxAndItsCorrectedLambda) {
  for (const auto& row : test::fixture_rows("boxes.tsv")) {
    const auto integer = [&](std::size_t i) { return std::stoi(row.at(i)); };
    const Mixing box =
        cutmix_box(std::stod(row.at(0)), integer(1), integer(2), integer(3), integer(4));
    EXPECT_EQ(box,
              (Mixing{std::stod(row.at(9)), true, integer(5), integer(6), integer(7), integer(8)}))
        << join(row, " ");
  }
}

TEST(Mixing, IsAFunctionOfSeedEpochAndBatch) {
  const MixingOptions both{.mixup_alpha = 0.8, .cutmix_alpha = 1};
  const Mixing first = plan_mixing(both, 1, 2, 3, 64, 64);
  EXPECT_EQ(plan_mixing(both, 1, 2, 3, 64, 64), first);
  EXPECT_NE(plan_mixing(both, 2, 2, 3, 64, 64), first);
  EXPECT_NE(plan_mixing(both, 1, 3, 3, 64, 64), first);
  EXPECT_NE(plan_mixing(both, 1, 2, 4, 64, 64), first);
}

TEST(Mixing, IsOffWithoutAnAlpha) {
  EXPECT_FALSE(MixingOptions{}.any());
  for (std::int64_t batch = 0; batch < 20; ++batch) EXPECT_EQ(plan({}, batch), Mixing{});
}

TEST(Mixing, MixesAndSwitchesWithTheirProbabilities) {
  int mixed = 0, cutmix = 0;
  constexpr int kBatches = 4000;
  for (std::int64_t batch = 0; batch < kBatches; ++batch) {
    const Mixing mixing =
        plan({.mixup_alpha = 1, .cutmix_alpha = 1, .probability = 0.7, .switch_probability = 0.25},
             batch);
    mixed += mixing != Mixing{};
    cutmix += mixing.cutmix;
  }
  EXPECT_NEAR(mixed, 0.7 * kBatches, 4 * 29);
  EXPECT_NEAR(cutmix, 0.7 * 0.25 * kBatches, 4 * 24);
}

TEST(Mixing, DoesOnlyWhatIsOn) {
  double sum = 0;
  for (std::int64_t batch = 0; batch < 2000; ++batch) {
    const Mixing mixup = plan({.mixup_alpha = 0.4}, batch);
    EXPECT_FALSE(mixup.cutmix);
    EXPECT_EQ(mixup.height, 0);
    sum += mixup.lambda;
    EXPECT_TRUE(plan({.cutmix_alpha = 0.4}, batch).cutmix);
  }
  EXPECT_NEAR(sum / 2000, 0.5, 4 * 0.0084);
}

TEST(Mixing, ACutmixBoxLiesWithinTheImageAndItsAreaIsTheRestOfLambda) {
  for (std::int64_t batch = 0; batch < 2000; ++batch) {
    const Mixing m = plan({.cutmix_alpha = 1}, batch);
    ASSERT_GE(m.top, 0);
    ASSERT_GE(m.left, 0);
    ASSERT_GE(m.height, 0);
    ASSERT_GE(m.width, 0);
    ASSERT_LE(m.top + m.height, 64);
    ASSERT_LE(m.left + m.width, 48);
    ASSERT_DOUBLE_EQ(m.lambda, 1 - m.height * m.width / (64.0 * 48));
  }
}

TEST(Mixing, SaysWhichOptionIsWrong) {
  const auto problem = [](const MixingOptions& options) -> std::string {
    try {
      plan(options, 0);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(problem({.mixup_alpha = -1}), "mixup's alpha should be 0 or more, found -1");
  EXPECT_NE(problem({.cutmix_alpha = std::numeric_limits<double>::infinity()}), "");
  EXPECT_EQ(problem({.probability = 1.5}),
            "the probability of mixing should be from 0 to 1, found 1.5");
  EXPECT_NE(problem({.switch_probability = std::nan("")}), "");
}

}  // namespace
}  // namespace stockpot
