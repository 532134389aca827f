// Literals: Student's t by mpmath with 25 digits (scipy 1.10 is wrong from the ninth digit),
// the rest by scipy: stats.norm.ppf and binomtest(k, n).proportion_ci.
#include <gtest/gtest.h>

#include "stockpot/base/error.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot {
namespace {

TEST(TQuantile, EqualsMpmath) {
  EXPECT_NEAR(t_quantile(0.95, 1), 6.313751514675043, 1e-11);
  EXPECT_NEAR(t_quantile(0.95, 2), 2.919985580353726, 1e-12);
  EXPECT_NEAR(t_quantile(0.95, 4), 2.1318467863266503, 1e-12);
  EXPECT_NEAR(t_quantile(0.95, 30), 1.6972608865939578, 1e-12);
  EXPECT_NEAR(t_quantile(0.975, 1), 12.706204736174707, 1e-10);
  EXPECT_NEAR(t_quantile(0.975, 2), 4.302652729749464, 1e-11);
  EXPECT_NEAR(t_quantile(0.995, 3), 5.8409093097333573, 1e-11);
  EXPECT_NEAR(t_quantile(0.975, 1000000), 1.9599663568141066, 1e-9);
}

TEST(TQuantile, IsOddAroundTheMedian) {
  EXPECT_EQ(t_quantile(0.5, 7), 0);
  EXPECT_NEAR(t_quantile(0.05, 2), -2.919985580353726, 1e-12);
}

TEST(TQuantile, RefusesWhatHasNoQuantile) {
  EXPECT_THROW(t_quantile(0.95, 0), UsageError);
  EXPECT_THROW(t_quantile(1.0, 3), UsageError);
  EXPECT_THROW(t_quantile(-0.1, 3), UsageError);
}

TEST(NormalQuantile, EqualsScipy) {
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-13);
  EXPECT_NEAR(normal_quantile(0.95), 1.6448536269514722, 1e-13);
  EXPECT_NEAR(normal_quantile(0.3), -0.5244005127080409, 1e-13);
  EXPECT_NEAR(normal_quantile(1e-10), -6.361340902404056, 1e-12);
}

void expect_interval(const Interval& interval, double low, double high) {
  EXPECT_NEAR(interval.low, low, 1e-12);
  EXPECT_NEAR(interval.high, high, 1e-12);
}

TEST(WilsonInterval, EqualsScipy) {
  expect_interval(wilson_interval({8, 10}), 0.49016247153664183, 0.9433178485456247);
  expect_interval(wilson_interval({650, 780}), 0.8055590171519805, 0.8578404422008724);
  expect_interval(wilson_interval({81, 263}), 0.2552885198782742, 0.36620957698280004);
  expect_interval(wilson_interval({81, 263}, 0.90), 0.26331361718848145, 0.3565663496084882);
}

TEST(WilsonInterval, StaysWithinZeroAndOne) {
  EXPECT_EQ(wilson_interval({0, 20}).low, 0);
  EXPECT_NEAR(wilson_interval({0, 20}).high, 0.16112515805281938, 1e-12);
  EXPECT_EQ(wilson_interval({20, 20}).high, 1);
  EXPECT_NEAR(wilson_interval({20, 20}).low, 0.8388748419471806, 1e-12);
  EXPECT_EQ(wilson_interval({0, 0}).low, 0);
  EXPECT_EQ(wilson_interval({0, 0}).high, 1);
}

TEST(MeanInterval, IsStudentsOverTheSeeds) {
  const std::vector<double> seeds = {0.70, 0.72, 0.77};
  expect_interval(mean_interval(seeds), 0.6404331410497040, 0.8195668589502960);
  expect_interval(mean_interval(seeds, 0.90), 0.6692156529844627, 0.7907843470155373);
}

TEST(MeanInterval, HasNoWidthWhenTheSeedsAgree) {
  expect_interval(mean_interval(std::vector<double>{0.5, 0.5, 0.5}), 0.5, 0.5);
}

TEST(MeanInterval, NeedsTwoSeeds) {
  EXPECT_THROW(mean_interval(std::vector<double>{0.7}), UsageError);
  EXPECT_THROW(mean_interval({}), UsageError);
}

}  // namespace
}  // namespace stockpot
