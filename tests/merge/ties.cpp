#include "stockpot/merge/ties.h"

#include <gtest/gtest.h>

#include <cmath>

#include "stockpot/base/error.h"
#include "tests/base/message_of.h"
#include "tests/merge/jobs.h"

namespace stockpot {
namespace {

using Values = std::vector<double>;

TEST(Ties, FollowsTheWorkedExample) {
  Ingredients ingredients;
  ingredients.add("w", {5}, Values(5, 0.0),
                  {{.9, -.1, .5, 0, .3}, {-.2, -.6, .4, .1, -.3}, {.8, .05, -.7, 0, 0}});
  const Values values = merged(*ties({.trim = {.density = 0.4}}), ingredients.jobs())[0];
  const Values wanted{.85, -.6, .45, 0, 0};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(values[i], wanted[i], 1e-15);
}

TEST(Ties, EqualMagnitudesStayInTheOrderOfTheirPositions) {
  Ingredients ingredients;
  ingredients.add("a", {3}, Values(3, 0.0), {{1, -2, 1}});
  ingredients.add("b", {3}, Values(3, 0.0), {{-1, 1, 1}});
  const auto values = merged(*ties({.trim = {.density = 0.67}}), ingredients.jobs());
  EXPECT_EQ(values, (std::vector<Values>{{1, -2, 1}, {-1, 0, 0}}));
  // The authors' program keeps one more and all that equal the last.
  TiesOptions reference = ties_preset("reference");
  reference.trim.density = 0.2;
  EXPECT_EQ(merged(*ties(reference), ingredients.jobs()),
            (std::vector<Values>{{1, -2, 1}, {-1, 1, 1}}));
}

TEST(Ties, SumsOfZeroGoTheWayOfTheVariant) {
  Ingredients ingredients;
  ingredients.add("w", {3}, {10, 10, 10}, {{11, 9, 9}, {9, 9, 9}});
  const auto merge = [&](ZeroSum zero_sum) {
    TiesOptions options{.trim = {.density = 1}};
    options.zero_sum = zero_sum;
    return merged(*ties(options), ingredients.jobs())[0];
  };
  EXPECT_EQ(merge(ZeroSum::none), (Values{10, 9, 9}));
  EXPECT_EQ(merge(ZeroSum::positive), (Values{11, 9, 9}));
  EXPECT_EQ(merge(ZeroSum::majority), (Values{9, 9, 9}));
  // A draw: no element has an elected sign.
  Ingredients draw;
  draw.add("w", {1}, {10}, {{11}, {9}});
  TiesOptions options{.trim = {.density = 1}};
  options.zero_sum = ZeroSum::majority;
  EXPECT_EQ(merged(*ties(options), draw.jobs())[0], (Values{10}));
  options.zero_sum = ZeroSum::majority_or_negative;
  EXPECT_EQ(merged(*ties(options), draw.jobs())[0], (Values{9}));
}

TEST(Ties, RefusesWhatCannotBe) {
  for (const double density : {0.0, -0.1, 1.1, std::nan("")})
    EXPECT_THROW(ties({.trim = {.density = density}}), UsageError);
  EXPECT_EQ(message_of<UsageError>([] { ties_preset("other"); }),
            "no variant of TIES is named 'other' (known: paper, reference, mergekit)");
}

}  // namespace
}  // namespace stockpot
