#include "stockpot/landscape/correlation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace stockpot::landscape {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Correlation, EqualsScipyOnTiesAndGaps) {
  // scipy.stats.pearsonr and spearmanr of the finite pairs.
  const std::vector<double> x = {1, 2, 2, 4, kNaN, 7}, y = {2, 1, 5, 4, 3, 9};
  EXPECT_NEAR(pearson(x, y), 0.8674339578251938, 1e-12);
  EXPECT_NEAR(spearman(x, y), 0.6668859288553502, 1e-12);
}

TEST(Correlation, RanksTakeNumbersThatOnlyRoundingTellsApartForEqual) {
  const std::vector<double> x = {0.1 + 0.2, 0.3, 0.4, 0.1}, y = {1, 2, 3, 0};
  ASSERT_NE(x[0], x[1]);
  const std::vector<double> equal = {0.3, 0.3, 0.4, 0.1};
  EXPECT_EQ(spearman(x, y), spearman(equal, y));
  EXPECT_LT(spearman(x, y), 1);
}

TEST(Correlation, IsNotANumberWhereNothingVaries) {
  const std::vector<double> flat(7, 0.1), x = {1, 2, 3, 4, 5, 6, 7}, two = {1, 2};
  EXPECT_TRUE(std::isnan(pearson(flat, x)));
  EXPECT_TRUE(std::isnan(spearman(x, flat)));
  EXPECT_TRUE(std::isnan(pearson(two, two)));
}

TEST(FittedLine, GoesThroughPointsOnALine) {
  const std::vector<double> x = {0, 1, 2, 3}, y = {1, 3, 5, 7};
  const auto line = fitted_line(x, y);
  ASSERT_TRUE(line);
  EXPECT_DOUBLE_EQ(line->slope, 2);
  EXPECT_DOUBLE_EQ(line->intercept, 1);
  EXPECT_DOUBLE_EQ(line->r2, 1);
  EXPECT_EQ(line->points, 4);
  EXPECT_FALSE(fitted_line(y, std::vector<double>{1, 2}));
}

}  // namespace
}  // namespace stockpot::landscape
