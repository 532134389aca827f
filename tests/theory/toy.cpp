// The paper's Figure 2 against its closed form and the table of the specification.
#include "stockpot/theory/toy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace stockpot::theory {
namespace {

TEST(Toy, ClosedFormEqualsTheTable) {
  struct Row {
    double start, v, b1, ood;
  };
  constexpr Row kTable[] = {{0.2, 0.7622086800, 1.1362051188, .0141361780},
                            {1, 1, 0.8660254038, 0},
                            {-0.5, 0.8070860046, 1.0730274083, .0093039524},
                            {-0.8, 0.9015376481, 0.9606092498, .0024237087},
                            {3, 2.8878934927, 0.2998813516, .8910354599},
                            {-3, -2.8878934927, -0.2998813516, 3.7789289526}};
  for (const Row& row : kTable) {
    const ToyPoint found = toy_limit(row.start);
    EXPECT_NEAR(found.head, row.v, 1e-10) << row.start;
    EXPECT_NEAR(found.feature, row.b1, 1e-10) << row.start;
    EXPECT_NEAR(found.ood, row.ood, 1e-10) << row.start;
  }
}

TEST(Toy, FlowAndDescentEndWhereTheClosedFormSays) {
  for (const ToyRow& row : toy_rows({0.2, 1, -0.5, -0.8, 3, -3, 0, -0.86, -0.9, 10, -10})) {
    EXPECT_NEAR(row.by_flow.head, row.exact.head, 1e-8) << row.start;
    EXPECT_NEAR(row.by_flow.feature, row.exact.feature, 1e-8) << row.start;
    EXPECT_NEAR(row.by_flow.ood, row.exact.ood, 1e-7) << row.start;
    if (std::abs(row.start) <= 3) {
      EXPECT_NEAR(row.by_descent.head, row.exact.head, 5e-4) << row.start;
    }
  }
}

TEST(Toy, HeadOnTheSaddlesPathEndsAtZero) {
  const double cosine = std::cos(kToyAngle * std::numbers::pi / 180);
  const ToyPoint end = toy_limit(-cosine);
  EXPECT_EQ(end.head, 0);
  EXPECT_NEAR(end.ood, 0.25, 1e-15);
  EXPECT_GT(toy_limit(-cosine + 1e-9).head, 0);
  EXPECT_LT(toy_limit(-cosine - 1e-9).head, 0);
}

}  // namespace
}  // namespace stockpot::theory
