#include "stockpot/metrics/weight_curve.h"

#include <gtest/gtest.h>

#include "stockpot/base/error.h"

namespace stockpot {
namespace {

// The first `right` of 100 rows, or rows from `from` on.
HeldOutPoint point(std::int64_t right, double nll = 1, std::int64_t from = 0) {
  HeldOutPoint result{RightRows(100), nll};
  for (std::int64_t i = from; i < from + right; ++i) result.right.set(i);
  return result;
}

TEST(WeightCurve, TakesTheBestAlphaThenTheSmallerLossThenTheSmallerAlpha) {
  EXPECT_EQ(choose_alpha(std::vector{point(70), point(80), point(75)}).best, 1u);
  EXPECT_EQ(choose_alpha(std::vector{point(80, 0.5), point(80, 0.4), point(80, 0.6)}).best, 1u);
  EXPECT_EQ(choose_alpha(std::vector{point(80), point(80), point(80)}).best, 0u);
  EXPECT_THROW(choose_alpha({}), UsageError);
}

TEST(WeightCurve, TheBandEndsWhereThePairedTestSaysWorse) {
  // Rows lost against the best one: 12, 5, 0, 5, 6 (5 of 0: p 0.0625; 6 of 0: p 0.03125).
  const std::vector<HeldOutPoint> points{point(68), point(75), point(80),
                                         point(75), point(74), point(76)};
  const CurveChoice choice = choose_alpha(points);
  EXPECT_EQ(choice.best, 2u);
  EXPECT_EQ(choice.first, 1u);
  EXPECT_EQ(choice.last, 3u);  // the last point is as good, but behind a gap
  EXPECT_DOUBLE_EQ(choice.tests[3].p, 0.0625);
  EXPECT_DOUBLE_EQ(choice.tests[4].p, 0.03125);
  EXPECT_EQ(choice.tests[0].only_first, 12);
  EXPECT_DOUBLE_EQ(choice.tests[2].p, 1);
}

TEST(WeightCurve, TheTestIsPairedNotOfCounts) {
  // The same count on other rows: 40 against 40 says nothing, though no row agrees.
  const CurveChoice choice = choose_alpha(std::vector{point(40), point(40, 2, 50)});
  EXPECT_EQ(choice.tests[1].only_first, 40);
  EXPECT_EQ(choice.tests[1].only_second, 40);
  EXPECT_EQ(choice.last, 1u);
}

TEST(WeightCurve, TheBandCountsCopiesOfOnePictureOnce) {
  // Twenty pictures, five copies each: one model loses three of them through all severities.
  const std::vector<HeldOutPoint> points{point(100), point(85)};
  EXPECT_EQ(choose_alpha(points).last, 0u);
  std::vector<std::string> ids;
  for (int i = 0; i < 100; ++i)
    ids.push_back(std::to_string(i / 5) + "@jpeg:" + std::to_string(1 + i % 5));
  const CurveChoice choice = choose_alpha(points, 0.05, pictures_of(ids));
  EXPECT_EQ(choice.best, 0u);
  EXPECT_EQ(choice.last, 1u);
  EXPECT_DOUBLE_EQ(choice.tests[1].p, 0.25);  // 3 of 0
  EXPECT_EQ(choice.tests[1].only_first, 15);
  EXPECT_EQ(choice.tests[1].pictures, 20);
}

CurvePoint at(double alpha, std::int64_t correct, double nll) {
  return {alpha, {{{correct, 100}, nll}}};
}

TEST(WeightCurve, TheBarrierIsTheLargestDistanceFromTheStraightLine) {
  const std::vector<CurvePoint> points{at(-0.5, 10, 9), at(0, 80, 1), at(0.25, 75, 1.25),
                                       at(0.5, 70, 2),  at(1, 60, 2), at(1.5, 0, 9)};
  const auto found = barrier(points, 0);
  ASSERT_TRUE(found);
  EXPECT_NEAR(found->accuracy, 0, 1e-15);  // 75 = 0.75 * 80 + 0.25 * 60; 70 = the middle
  EXPECT_NEAR(found->nll, 0.5, 1e-15);
  EXPECT_EQ(found->at_nll, 0.5);
  const std::vector<CurvePoint> above{at(0, 80, 1), at(0.5, 90, 0.5), at(1, 80, 1)};
  EXPECT_NEAR(barrier(above, 0)->accuracy, -0.1, 1e-15);
  EXPECT_NEAR(barrier(above, 0)->nll, -0.5, 1e-15);
  EXPECT_FALSE(barrier(std::vector{at(0, 80, 1), at(0.5, 90, 1)}, 0));
  EXPECT_FALSE(barrier(std::vector{at(0, 80, 1), at(1, 90, 1)}, 0));
}

}  // namespace
}  // namespace stockpot
