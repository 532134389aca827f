#include "stockpot/metrics/predictions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "stockpot/base/error.h"

namespace stockpot {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(PredictedClass, IsTheLargestLogitAndTheLowestIndexAmongEquals) {
  EXPECT_EQ(predicted_class(std::vector<float>{0.1f, 3.0f, -2.0f}), 1);
  EXPECT_EQ(predicted_class(std::vector<float>{2.0f, 5.0f, 5.0f}), 1);
  EXPECT_EQ(predicted_class(std::vector<float>{-1.0f}), 0);
}

TEST(PredictedClass, IsNeverANanWhileThereIsANumber) {
  EXPECT_EQ(predicted_class(std::vector<float>{kNan, -5.0f, -7.0f}), 1);
  EXPECT_EQ(predicted_class(std::vector<float>{1.0f, kNan, 0.5f}), 0);
  EXPECT_EQ(predicted_class(std::vector<float>{kNan, kNan}), 0);
}

Predictions two_rows(std::vector<float> logits) {
  Predictions predictions;
  predictions.classes = 2;
  predictions.logits = std::move(logits);
  predictions.labels = {0, 1};
  predictions.class_names = {"cat", "dog"};
  predictions.ids = {"a.png", "b.png"};
  return predictions;
}

TEST(MeanLogits, AveragesInFp64AndRoundsOnce) {
  // In float, 2^24 + 1 + 1 stays 2^24: the mean of three would be 5592405.5, not 5592406.
  const Predictions a = two_rows({16777216.0f, 1, 2, 3}), b = two_rows({1, 3, 2, 0}),
                    c = two_rows({1, 5, 2, 0});
  const Predictions mean = mean_logits(std::vector<const Predictions*>{&a, &b, &c});
  EXPECT_EQ(mean.logits, (std::vector<float>{5592406.0f, 3, 2, 1}));
  EXPECT_EQ(mean.labels, a.labels);
  EXPECT_EQ(mean.class_names, a.class_names);
  EXPECT_EQ(mean.ids, a.ids);
}

TEST(MeanLogits, OfOneMemberIsThatMember) {
  const Predictions a = two_rows({0.1f, 0.2f, 0.3f, 0.7f});
  EXPECT_EQ(mean_logits(std::vector<const Predictions*>{&a}).logits, a.logits);
}

TEST(MeanLogits, RefusesMembersOfOtherPicturesOfTheSameNames) {
  Predictions a = two_rows({1, 2, 3, 4}), b = a, unknown = a;
  a.examples = "these";
  b.examples = "those";
  EXPECT_THROW(mean_logits(std::vector<const Predictions*>{&a, &b}), UsageError);
  EXPECT_NO_THROW(mean_logits(std::vector<const Predictions*>{&a, &unknown}));
}

TEST(MeanLogits, AreOfNoOneModel) {
  Predictions a = two_rows({1, 2, 3, 4});
  a.examples = "these";
  a.model = "this";
  const Predictions mean = mean_logits(std::vector<const Predictions*>{&a, &a});
  EXPECT_EQ(mean.model, "");
  EXPECT_EQ(mean.examples, "these");
}

TEST(MeanLogits, RefusesMembersOfOtherRowsOrClasses) {
  const Predictions a = two_rows({1, 2, 3, 4});
  Predictions other_labels = a, other_classes = a, other_ids = a;
  other_labels.labels = {1, 1};
  other_classes.classes = 4;
  other_ids.ids = {"a.png", "c.png"};
  for (const Predictions* wrong : {&other_labels, &other_classes, &other_ids}) {
    EXPECT_THROW(mean_logits(std::vector<const Predictions*>{&a, wrong}), UsageError);
  }
  EXPECT_THROW(mean_logits({}), UsageError);
}

}  // namespace
}  // namespace stockpot
