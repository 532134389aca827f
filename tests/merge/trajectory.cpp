#include "stockpot/merge/trajectory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "stockpot/base/error.h"
#include "stockpot/base/random.h"

namespace stockpot {
namespace {

TEST(Trajectory, EmaWeightsAreThoseOfTheRecursion) {
  for (const double decay : {0.0, 0.5, 0.9, 0.999}) {
    const std::vector<double> values{3, -1, 4, 1.5, -9, 2.6};
    long double average = values[0];
    for (std::size_t i = 1; i < values.size(); ++i)
      average = decay * average + (1 - static_cast<long double>(decay)) * values[i];
    const std::vector<double> weights = ema_weights(values.size(), decay);
    EXPECT_NEAR(std::inner_product(weights.begin(), weights.end(), values.begin(), 0.0),
                static_cast<double>(average), 1e-14);
    EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 1, 1e-15);
  }
  EXPECT_EQ(ema_weights(1, 0.9), std::vector<double>{1});
  EXPECT_EQ(ema_weights(2, 0.75), (std::vector<double>{0.75, 0.25}));
  EXPECT_THROW(ema_weights(3, 1), UsageError);
  EXPECT_THROW(ema_weights(0, 0.5), UsageError);
}

TEST(Trajectory, SwadStartsAtAMinimumThatLastsAndEndsWhereTheLossRises) {
  // The first of three that is their minimum: index 2 (0.5, 0.6, 0.55), threshold 1.2 * 0.55 =
  // 0.66.
  const std::vector<double> losses{1, 0.8, 0.5, 0.6, 0.55, 0.6, 0.7, 0.65, 0.7, 0.8, 0.9};
  const auto window = swad_window(losses, {3, 3, 1.2});
  ASSERT_TRUE(window);
  EXPECT_EQ(window->first, 2u);
  EXPECT_NEAR(window->threshold, 0.66, 1e-15);
  // 0.7, 0.8, 0.9 at 8 to 10 are the first three above it in a row.
  EXPECT_EQ(window->last, 7u);
  EXPECT_TRUE(window->ended);
}

TEST(Trajectory, SwadWithoutARiseReachesToTheEndAndWithoutAValleyIsNone) {
  const auto open = swad_window(std::vector<double>{2, 1, 1.1, 1.05, 1}, {3, 2, 1.3});
  ASSERT_TRUE(open);
  EXPECT_EQ(open->first, 1u);
  EXPECT_EQ(open->last, 4u);
  EXPECT_FALSE(open->ended);
  EXPECT_FALSE(swad_window(std::vector<double>{5, 4, 3, 2, 1}));
  EXPECT_FALSE(swad_window(std::vector<double>{}));
}

// The algorithm as the paper prints it, with its own indices from 1.
std::optional<std::pair<std::size_t, std::size_t>> printed(const std::vector<double>& e,
                                                           const SwadOptions& o) {
  const auto smallest = [&](std::size_t i, std::size_t n) {
    double least = e[i - 1];
    for (std::size_t k = 0; k < n; ++k) least = std::min(least, e[i - k - 1]);
    return least;
  };
  std::size_t ts = 0, te = e.size();
  double l = 0;
  for (std::size_t i = 1; i <= e.size(); ++i) {
    if (ts == 0) {
      if (i < o.start_patience || e[i - o.start_patience] != smallest(i, o.start_patience))
        continue;
      ts = i - o.start_patience + 1;
      for (std::size_t k = 0; k < o.start_patience; ++k)
        l += o.tolerance / static_cast<double>(o.start_patience) * e[i - k - 1];
    } else if (i >= ts + o.end_patience && l < smallest(i, o.end_patience)) {
      te = i - o.end_patience;
      break;
    }
  }
  if (ts == 0) return std::nullopt;
  return std::pair(ts - 1, te - 1);
}

TEST(Trajectory, SwadIsTheAlgorithmOfThePaperOnRandomLosses) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    RandomStream random(seed, Purpose::test);
    std::vector<double> losses;
    for (int i = 0; i < 30; ++i)
      losses.push_back(1 + std::abs(i - 12) * 0.1 + random.uniform(-0.3, 0.3));
    const SwadOptions options{1 + seed % 4, 1 + seed % 5,
                              1.0 + 0.1 * static_cast<double>(seed % 4)};
    const auto mine = swad_window(losses, options);
    const auto wanted = printed(losses, options);
    ASSERT_EQ(mine.has_value(), wanted.has_value()) << seed;
    if (!mine) continue;
    EXPECT_EQ(mine->first, wanted->first) << seed;
    EXPECT_EQ(mine->last, wanted->second) << seed;
  }
}

TEST(Trajectory, SwadRefusesWhatCannotBe) {
  EXPECT_THROW(swad_window(std::vector<double>{1, NAN}), UsageError);
  EXPECT_THROW(swad_window(std::vector<double>{1}, {0, 1, 1}), UsageError);
  EXPECT_THROW(swad_window(std::vector<double>{1}, {1, 1, 0}), UsageError);
}

}  // namespace
}  // namespace stockpot
