#include "stockpot/metrics/metric.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "../base/message_of.h"
#include "stockpot/base/error.h"
#include "stockpot/base/json.h"
#include "stockpot/base/random.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Predictions from_fixture(const Json& json) {
  Predictions predictions;
  predictions.classes = json.find("classes")->as_integer();
  for (const Json& label : json.find("labels")->items())
    predictions.labels.push_back(label.as_integer());
  for (const Json& group : json.find("groups")->items())
    predictions.groups.push_back(group.as_integer());
  for (const Json& logit : json.find("logits")->items())
    predictions.logits.push_back(static_cast<float>(logit.as_number()));
  predictions.group_names = {"a", "b", "c"};
  return predictions;
}

TEST(Metrics, EqualScikitLearn) {
  const Json json =
      Json::read(fs::path(STOCKPOT_SOURCE_DIR) / "tests/fixtures/metrics/metrics.json");
  int compared = 0;
  for (const Json& one : json.find("cases")->items()) {
    const Predictions predictions = from_fixture(one);
    for (const auto& [name, value] : one.find("expected")->members()) {
      const auto kind = metric_from(name);
      ASSERT_TRUE(kind) << name;
      EXPECT_NEAR(score_of(*kind, predictions), value.as_number(), 1e-13)
          << name << ", " << one.find("name")->as_string();
      ++compared;
    }
  }
  EXPECT_EQ(compared, 6 * 8);
}

TEST(Metrics, HaveNamesAndDirections) {
  for (const MetricRow& entry : kMetrics) EXPECT_EQ(metric_from(entry.name), entry.kind);
  EXPECT_FALSE(metric_from("accurracy"));
  EXPECT_EQ(row(MetricKind::nll).direction, Direction::minimize);
  EXPECT_EQ(row(MetricKind::matthews).direction, Direction::maximize);
}

TEST(Metrics, CountARowOfNansAsWrongForEveryClass) {
  Predictions predictions;
  predictions.classes = 2;
  predictions.logits = {1, 0, /**/ kNan, kNan, /**/ 0, 1};
  predictions.labels = {0, 0, 1};
  EXPECT_NEAR(score_of(MetricKind::accuracy, predictions), 2.0 / 3, 1e-15);
  EXPECT_EQ(score_of(MetricKind::mean_per_class, predictions), 0.75);
  EXPECT_EQ(score_of(MetricKind::f1, predictions), 1);  // class 1 itself is right
  EXPECT_TRUE(std::isnan(score_of(MetricKind::nll, predictions)));
}

TEST(Metrics, SayWhenTheyDoNotFitTheRows) {
  Predictions predictions;
  predictions.classes = 1;
  predictions.logits = {1};
  predictions.labels = {0};
  EXPECT_EQ(message_of<UsageError>([&] { score_of(MetricKind::worst_group, predictions); }),
            "worst-group accuracy needs groups: these rows have none");
  EXPECT_THROW(score_of(MetricKind::f1, predictions), UsageError);
  predictions.labels = {1};
  EXPECT_EQ(message_of<FormatError>([&] { score_of(MetricKind::accuracy, predictions); }),
            "row 0 has label 1, but there are 1");
}

// Rows whose answers are right with a chance of `skill`.
Predictions random_rows(std::uint64_t seed) {
  RandomStream random(seed, Purpose::test);
  Predictions predictions;
  predictions.classes = random.between(2, 5);
  predictions.group_names = {"x", "y"};
  const double skill = random.uniform();
  for (std::int64_t i = random.between(1, 60); i > 0; --i) {
    predictions.labels.push_back(random.between(0, predictions.classes - 1));
    predictions.groups.push_back(random.between(0, 1));
    for (std::int64_t c = 0; c < predictions.classes; ++c)
      predictions.logits.push_back(
          static_cast<float>(random.normal() + (c == predictions.labels.back() ? 4 * skill : 0)));
  }
  return predictions;
}

TEST(Tally, GivesTheSameValueForEveryOrderOfTheRows) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Predictions predictions = random_rows(seed);
    for (const MetricRow& entry : kMetrics) {
      Tally tally(entry.kind, predictions);
      for (const std::int64_t i : random_order(predictions.rows(), seed, Purpose::test))
        tally.add(i, predictions.row(i));
      EXPECT_EQ(tally.value(), score_of(entry.kind, predictions)) << entry.name;
      EXPECT_EQ(tally.counts(), accuracy(predictions));
    }
  }
}

TEST(Tally, NeverEndsBetterThanItsBound) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Predictions predictions = random_rows(seed);
    for (const MetricRow& entry : kMetrics) {
      if (!has_bound(entry.kind)) continue;
      const double last = score_of(entry.kind, predictions);
      Tally tally(entry.kind, predictions);
      for (const std::int64_t i : random_order(predictions.rows(), seed, Purpose::test)) {
        const double bound = tally.best_possible();
        EXPECT_TRUE(entry.direction == Direction::maximize ? bound >= last : bound <= last)
            << entry.name << " " << bound << " " << last;
        tally.add(i, predictions.row(i));
      }
      if (entry.kind == MetricKind::nll)
        EXPECT_NEAR(tally.best_possible(), last, 1e-12 * (1 + last));
      else
        EXPECT_EQ(tally.best_possible(), last) << entry.name;
    }
  }
}

}  // namespace
}  // namespace stockpot
