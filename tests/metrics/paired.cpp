#include "stockpot/metrics/paired.h"

#include <gtest/gtest.h>

#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/threads.h"

namespace stockpot {
namespace {

TEST(SeedDifference, HasStudentsIntervalsOfTheDifferences) {
  const std::vector<double> first{0.30, 0.34, 0.32}, second{0.28, 0.29, 0.30};
  const SeedDifference difference = seed_difference(first, second);
  // Differences 0.02, 0.05, 0.02: mean 0.03, standard deviation sqrt(3e-4), error 0.01.
  EXPECT_NEAR(difference.mean, 0.03, 1e-15);
  EXPECT_NEAR(difference.low_confidence->high, 0.03 + 2.91998558 * 0.01, 1e-9);
  EXPECT_NEAR(difference.confidence->low, 0.03 - 4.30265273 * 0.01, 1e-9);
}

TEST(SeedDifference, OfOneSeedHasNoInterval) {
  const std::vector<double> first{0.5}, second{0.25};
  const SeedDifference difference = seed_difference(first, second);
  EXPECT_EQ(difference.mean, 0.25);
  EXPECT_FALSE(difference.confidence);
}

TEST(SeedDifference, NeedsTheSameSeeds) {
  const std::vector<double> first{0.5, 0.6}, second{0.25};
  EXPECT_THROW(seed_difference(first, second), UsageError);
}

RightRows rows_of(std::int64_t n, std::int64_t right) {
  RightRows rows(n);
  for (std::int64_t i = 0; i < right; ++i) rows.set(i);
  return rows;
}

TEST(PictureReplicates, SpreadAsTheBinomialDoes) {
  // 400 pictures, 100 of which only the first gets right: the difference is a proportion.
  const std::vector<RightRows> first{rows_of(400, 300)}, second{rows_of(400, 200)};
  const std::vector<double> replicates = picture_replicates(first, second);
  double mean = 0, squares = 0;
  for (const double r : replicates) mean += r / kPictureReplicates;
  for (const double r : replicates) squares += (r - mean) * (r - mean) / (kPictureReplicates - 1);
  const double error = std::sqrt(0.25 * 0.75 / 400);
  EXPECT_NEAR(mean, 0.25, 4 * error / std::sqrt(kPictureReplicates));
  EXPECT_NEAR(std::sqrt(squares), error, 0.1 * error);
  const Interval interval = percentile_interval(replicates);
  EXPECT_NEAR(interval.low, 0.25 - 1.96 * error, 0.2 * error);
  EXPECT_NEAR(interval.high, 0.25 + 1.96 * error, 0.2 * error);
}

TEST(PictureReplicates, PairWhatIsComparedOnTheSamePictures) {
  // Two models that are right on the same pictures differ in no replicate, over seeds, too.
  const std::vector<RightRows> first{rows_of(50, 20), rows_of(50, 30)};
  const std::vector<RightRows> second{rows_of(50, 30), rows_of(50, 20)};
  for (const double r : picture_replicates(first, second)) EXPECT_NEAR(r, 0, 1e-15);
}

TEST(PictureReplicates, DoNotDependOnThreads) {
  const std::vector<RightRows> first{rows_of(37, 20)}, second{rows_of(37, 11)};
  set_threads(1);
  const std::vector<double> one = picture_replicates(first, second, 5);
  set_threads(4);
  EXPECT_EQ(picture_replicates(first, second, 5), one);
  set_threads(1);
  EXPECT_NE(picture_replicates(first, second, 6), one);
}

TEST(PercentileInterval, TakesTheNearestRanks) {
  std::vector<double> values;
  for (int i = 1000; i >= 1; --i) values.push_back(i);
  EXPECT_EQ(percentile_interval(values).low, 25);
  EXPECT_EQ(percentile_interval(values).high, 975);
}

TEST(PictureReplicates, DrawAPictureWithAllOfItsRows) {
  // Every row twice: as many pictures, drawn alike, so the same replicates.
  RightRows first(7), second(7), first_twice(14), second_twice(14);
  std::vector<std::size_t> numbers;
  for (const std::int64_t i : {0, 1, 4, 6}) first.set(i);
  for (const std::int64_t i : {1, 2}) second.set(i);
  for (std::int64_t i = 0; i < 14; ++i) {
    numbers.push_back(static_cast<std::size_t>(i % 7));
    if (first[i % 7]) first_twice.set(i);
    if (second[i % 7]) second_twice.set(i);
  }
  const std::vector<double> once = picture_replicates(std::vector{first}, std::vector{second}, 3);
  const std::vector<double> twice =
      picture_replicates(std::vector{first_twice}, std::vector{second_twice}, 3, numbers);
  for (std::size_t r = 0; r < once.size(); ++r) EXPECT_NEAR(twice[r], once[r], 1e-12);
}

}  // namespace
}  // namespace stockpot
