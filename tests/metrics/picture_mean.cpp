#include "stockpot/metrics/picture_mean.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace stockpot {
namespace {

// Rows of these ids, right or wrong.
Predictions rows_of(const std::vector<std::string>& ids, const std::vector<bool>& right) {
  Predictions set;
  set.classes = 2;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    set.logits.insert(set.logits.end(), {1.0f, right[i] ? 0.0f : 2.0f});
    set.labels.push_back(0);
  }
  set.class_names = {"cat", "dog"};
  set.ids = ids;
  return set;
}

// `pictures` pictures seen through each of the corruptions; the first `right` of them are right
// through all.
Predictions copies(int pictures, int right, const std::vector<std::string>& corruptions) {
  std::vector<std::string> ids;
  std::vector<bool> is_right;
  for (int i = 0; i < pictures; ++i)
    for (const std::string& corruption : corruptions) {
      ids.push_back("a/" + std::to_string(i) + ".png" + corruption);
      is_right.push_back(i < right);
    }
  return rows_of(ids, is_right);
}

const std::vector<std::string> kFive{"@jpeg:1", "@jpeg:2", "@jpeg:3", "@jpeg:4", "@jpeg:5"};

std::optional<Interval> interval_of(const std::vector<Predictions>& sets) {
  PictureMean mean;
  for (const Predictions& set : sets) mean.add(set);
  return mean.interval();
}

TEST(PictureMean, LeavesSetsWithoutCopiesToWilsonsInterval) {
  EXPECT_FALSE(interval_of({copies(10, 7, {""})}));
  EXPECT_FALSE(interval_of({copies(10, 7, {"@jpeg:3"})}));
  EXPECT_FALSE(interval_of({copies(10, 7, {""}), copies(10, 7, {""})}))
      << "sets of other pictures may have the same names";
}

TEST(PictureMean, CountsFiveCopiesThatAreRightTogetherAsOnePicture) {
  // Residuals sum to (right - p) / G a picture: variance p (1 - p) / (G - 1), as G - 1 rows have.
  const Interval interval = interval_of({copies(100, 60, kFive)}).value();
  const Interval expected = wilson_interval(0.6, 99);
  EXPECT_NEAR(interval.low, expected.low, 1e-12);
  EXPECT_NEAR(interval.high, expected.high, 1e-12);
  EXPECT_GT(interval.high - interval.low,
            2 * (wilson_interval({300, 500}).high - wilson_interval({300, 500}).low));
}

TEST(PictureMean, CountsCopiesOfOnePictureInSeveralSetsOnce) {
  // The same pictures, clean and corrupted, right together: two sets tell no more than one.
  const Interval interval =
      interval_of({copies(100, 60, {""}), copies(100, 60, {"@contrast:5"})}).value();
  const Interval expected = wilson_interval(0.6, 99);
  EXPECT_NEAR(interval.low, expected.low, 1e-12);
  EXPECT_NEAR(interval.high, expected.high, 1e-12);
}

TEST(PictureMean, IsTheClusterRobustVarianceOfACaseByHand) {
  // Rows right: picture 0: 1 of 1; picture 1: 1 of 3; picture 2: 2 of 2; picture 3: 0 of 1.
  const Predictions set =
      rows_of({"0@jpeg:1", "1@jpeg:1", "1@jpeg:2", "1@jpeg:3", "2@jpeg:1", "2@jpeg:2", "3"},
              {true, true, false, false, true, true, false});
  // p = 4/7; sums of residuals 3/7, -5/7, 6/7, -4/7, each over 7 rows.
  const double variance = 4.0 / 3 * (9 + 25 + 36 + 16) / (49.0 * 49), p = 4.0 / 7;
  const Interval interval = interval_of({set}).value(),
                 expected = wilson_interval(p, p * (1 - p) / variance);
  EXPECT_NEAR(interval.low, expected.low, 1e-12);
  EXPECT_NEAR(interval.high, expected.high, 1e-12);
}

TEST(PictureMean, IsNeverNarrowerThanThatOfIndependentRows) {
  // Every picture is right through one of two corruptions: its copies balance each other.
  std::vector<std::string> ids;
  std::vector<bool> right;
  for (int i = 0; i < 50; ++i)
    for (const bool second : {false, true}) {
      ids.push_back(std::to_string(i) + (second ? "@jpeg:5" : "@jpeg:1"));
      right.push_back(!second);
    }
  const Interval interval = interval_of({rows_of(ids, right)}).value(),
                 rows = wilson_interval({50, 100});
  EXPECT_NEAR(interval.low, rows.low, 1e-12);
  EXPECT_NEAR(interval.high, rows.high, 1e-12);
}

TEST(PictureMean, CountsThePicturesWhereEveryRowIsRight) {
  const Interval interval = interval_of({copies(20, 20, kFive)}).value(),
                 pictures = wilson_interval({20, 20});
  EXPECT_EQ(interval.low, pictures.low);
  EXPECT_EQ(interval.high, 1);
}

}  // namespace
}  // namespace stockpot
