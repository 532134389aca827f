#include "stockpot/sweep/space.h"

#include <gtest/gtest.h>

#include <cmath>

namespace stockpot {
namespace {

Distribution constant(Json value) {
  Distribution distribution;
  distribution.value = std::move(value);
  return distribution;
}

Distribution range(Distribution::Kind kind, double low, double high) {
  Distribution distribution;
  distribution.kind = kind;
  distribution.low = low;
  distribution.high = high;
  return distribution;
}

TEST(SearchSpace, TrialIsAFunctionOfSeedAndNumber) {
  const SearchSpace space{{{"lr", range(Distribution::Kind::loguniform, 1e-5, 1e-3)},
                           {"epochs", range(Distribution::Kind::integer, 4, 16)}}};
  EXPECT_EQ(space.sample(7, 3), space.sample(7, 3));
  EXPECT_NE(space.sample(7, 3), space.sample(7, 4));
  EXPECT_NE(space.sample(7, 3), space.sample(8, 3));
}

TEST(SearchSpace, AddingASettingDoesNotChangeWhatTheOthersDraw) {
  const auto lr = range(Distribution::Kind::loguniform, 1e-5, 1e-3);
  const SearchSpace small{{{"lr", lr}}};
  const SearchSpace large{{{"epochs", range(Distribution::Kind::integer, 4, 16)}, {"lr", lr}}};
  EXPECT_EQ(small.sample(1, 5)[0].second, large.sample(1, 5)[1].second);
}

TEST(SearchSpace, DrawsStayInTheirRangesAndReachBothEnds) {
  const SearchSpace space{{{"epochs", range(Distribution::Kind::integer, 4, 6)},
                           {"lr", range(Distribution::Kind::loguniform, 1e-5, 1e-3)}}};
  bool seen[7] = {};
  double log_sum = 0;
  constexpr int kDraws = 4000;
  for (int i = 0; i < kDraws; ++i) {
    const auto trial = space.sample(0, static_cast<std::uint64_t>(i));
    const std::int64_t epochs = trial[0].second.as_integer();
    ASSERT_GE(epochs, 4);
    ASSERT_LE(epochs, 6);
    seen[epochs] = true;
    const double lr = trial[1].second.as_number();
    ASSERT_GE(lr, 1e-5);
    ASSERT_LE(lr, 1e-3);
    log_sum += std::log10(lr);
  }
  EXPECT_TRUE(seen[4] && seen[5] && seen[6]);
  // Uniform in the exponent over [-5, -3]: mean -4, standard error 0.0091 at 4000 draws.
  EXPECT_NEAR(log_sum / kDraws, -4, 0.04);
}

TEST(SearchSpace, MixtureFollowsItsWeights) {
  Distribution mixture;
  mixture.kind = Distribution::Kind::mixture;
  mixture.options = {constant(0.0), range(Distribution::Kind::uniform, 0.5, 1)};
  mixture.weights = {0.25, 0.75};
  const SearchSpace space{{{"mixup", mixture}}};
  int zeros = 0;
  for (std::uint64_t i = 0; i < 4000; ++i)
    zeros += space.sample(3, i)[0].second.as_number() == 0 ? 1 : 0;
  EXPECT_NEAR(zeros / 4000.0, 0.25, 0.03);
}

TEST(SearchSpace, DescribesItselfInWords) {
  EXPECT_EQ(range(Distribution::Kind::loguniform, 1e-5, 1e-3).describe(),
            "loguniform 1e-05..0.001");
  Distribution choice;
  choice.kind = Distribution::Kind::choice;
  choice.options = {constant("minimal"), constant("strong")};
  EXPECT_EQ(choice.describe(), "one of {minimal, strong}");
}

}  // namespace
}  // namespace stockpot
