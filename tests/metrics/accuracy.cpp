#include "stockpot/metrics/accuracy.h"

#include <gtest/gtest.h>

#include <limits>

#include "stockpot/base/error.h"

namespace stockpot {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Five rows of three classes; rows 0, 1 and 4 are right.
Predictions five_rows() {
  Predictions predictions;
  predictions.classes = 3;
  predictions.logits = {9, 0, 0, /**/ 0, 9, 0, /**/ 0, 9, 0, /**/ 9, 0, 0, /**/ 0, 9, 0};
  predictions.labels = {0, 1, 0, 1, 1};
  predictions.groups = {1, 1, 0, 0, 0};
  predictions.group_names = {"indoors", "outdoors", "under water"};
  return predictions;
}

TEST(AccuracyOf, CountsTheRowsThatAreRight) {
  EXPECT_EQ(accuracy(five_rows()), (Accuracy{3, 5}));
  EXPECT_EQ(accuracy(five_rows()).value(), 0.6);
  EXPECT_EQ(accuracy(Predictions{}).value(), 0);
}

TEST(AccuracyOf, CountsARowOfNansAsWrong) {
  Predictions predictions = five_rows();
  predictions.logits[0] = predictions.logits[1] = predictions.logits[2] = kNan;
  EXPECT_EQ(accuracy(predictions), (Accuracy{2, 5}));
}

TEST(PerClass, ListsEveryClassInIndexOrder) {
  EXPECT_EQ(per_class(five_rows()), (std::vector<Accuracy>{{1, 2}, {2, 3}, {0, 0}}));
}

TEST(PerGroup, ListsEveryGroupInIndexOrder) {
  EXPECT_EQ(per_group(five_rows()), (std::vector<Accuracy>{{1, 3}, {2, 2}, {0, 0}}));
}

TEST(PerGroup, IsEmptyWithoutGroups) {
  Predictions predictions = five_rows();
  predictions.groups.clear();
  predictions.group_names.clear();
  EXPECT_TRUE(per_group(predictions).empty());
}

TEST(PerClass, RefusesALabelThatIsNoClass) {
  Predictions predictions = five_rows();
  predictions.labels[3] = 3;
  EXPECT_THROW(per_class(predictions), FormatError);
  predictions.labels[3] = -1;
  EXPECT_THROW(per_class(predictions), FormatError);
  EXPECT_THROW(negative_log_likelihood(predictions), FormatError);
}

TEST(WorstGroup, IsTheLowestAmongThoseWithRows) {
  EXPECT_EQ(worst_group(std::vector<Accuracy>{{3, 4}, {0, 0}, {1, 4}, {2, 8}}), 2);
  EXPECT_EQ(worst_group(std::vector<Accuracy>{{0, 0}}), -1);
}

TEST(NegativeLogLikelihood, EqualsScipyAndDoesNotOverflow) {
  Predictions predictions;
  predictions.classes = 3;
  predictions.logits = {1.5f, -0.5f, 0.25f, 1000, 999, -1000, 0, 0, 0};
  predictions.labels = {1, 1, 2};
  EXPECT_NEAR(negative_log_likelihood(predictions), 1.5879419466630391, 1e-14);
  EXPECT_EQ(negative_log_likelihood(Predictions{}), 0);
}

TEST(McNemar, EqualsTheExactBinomialTest) {
  EXPECT_NEAR(mcnemar(10, 2), 0.03857421875, 1e-14);
  EXPECT_NEAR(mcnemar(7, 1), 0.0703125, 1e-14);
  EXPECT_EQ(mcnemar(5, 5), 1);
  EXPECT_NEAR(mcnemar(25, 0), 5.960464477539063e-08, 1e-20);
  EXPECT_NEAR(mcnemar(120, 95), 0.10145232764870683, 1e-12);
  EXPECT_NEAR(mcnemar(3000, 3200), 0.011488253770871587, 1e-11);
  EXPECT_NEAR(mcnemar(1000, 2000) / 1.0090148627940651e-75, 1, 1e-9);
  EXPECT_EQ(mcnemar(0, 0), 1);
}

TEST(McNemar, IsSymmetric) { EXPECT_EQ(mcnemar(3, 11), mcnemar(11, 3)); }

TEST(McNemar, CountsTheRowsThatOnlyOneModelGetsRight) {
  const Predictions first = five_rows();
  Predictions second = first;
  second.logits = {0, 9, 0, /**/ 0, 9, 0, /**/ 9, 0, 0, /**/ 0, 9, 0, /**/ 0, 9, 0};
  // Only the first is right in row 0, only the second in rows 2 and 3: (1, 2).
  EXPECT_NEAR(mcnemar(first, second), mcnemar(1, 2), 1e-15);
  second.labels[0] = 1;
  EXPECT_THROW(mcnemar(first, second), UsageError);
}

}  // namespace
}  // namespace stockpot
