#include "stockpot/metrics/calibration.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "stockpot/base/error.h"
#include "stockpot/base/json.h"
#include "stockpot/base/threads.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot {
namespace {

Predictions rows_of(std::int64_t classes, std::vector<float> logits,
                    std::vector<std::int64_t> labels) {
  Predictions predictions;
  predictions.classes = classes;
  predictions.logits = std::move(logits);
  predictions.labels = std::move(labels);
  return predictions;
}

// Rows of three classes where the first has the largest probability, which is given.
Predictions with_confidences(const std::vector<double>& confidences,
                             const std::vector<int>& correct) {
  Predictions predictions = rows_of(3, {}, {});
  for (std::size_t i = 0; i < confidences.size(); ++i) {
    const double rest = (1 - confidences[i]) / 2;
    for (const double p : {confidences[i], rest, rest})
      predictions.logits.push_back(static_cast<float>(std::log(p)));
    predictions.labels.push_back(correct[i] != 0 ? 0 : 1);
  }
  return predictions;
}

TEST(Calibration, TheWorkedExampleOfFourBinsIs21875) {
  const Predictions example =
      with_confidences({.95, .9, .8, .75, .6, .55, .5, .4}, {1, 1, 1, 0, 1, 0, 0, 0});
  const Reliability four = reliability(example, BinKind::mass, 4);
  EXPECT_NEAR(four.expected_error, 0.21875, 1e-7);
  ASSERT_EQ(four.bins.size(), 4u);
  EXPECT_EQ(four.bins[0].rows, 2);
  EXPECT_EQ(four.bins[0].correct, 0);
  EXPECT_NEAR(four.bins[0].confidence, 0.45, 1e-7);
  EXPECT_NEAR(four.bins[3].low, 0.9, 1e-7);
  EXPECT_NEAR(four.bins[3].high, 0.95, 1e-7);
}

void expect_measures(const Json& expected, const Predictions& predictions, double temperature,
                     const std::string& name) {
  for (const int bins : {1, 4, 15})
    for (const BinKind kind : {BinKind::mass, BinKind::width}) {
      const std::string key = (kind == BinKind::mass ? "mass-" : "width-") + std::to_string(bins);
      const Reliability mine = reliability(predictions, kind, bins, temperature);
      const auto& want = expected.find(key)->items();
      EXPECT_NEAR(mine.expected_error, want[0].as_number(), 1e-12) << name << " " << key;
      EXPECT_NEAR(mine.largest_error, want[1].as_number(), 1e-12) << name << " " << key;
      EXPECT_EQ(static_cast<std::int64_t>(mine.bins.size()), want[2].as_integer()) << name << key;
    }
  EXPECT_NEAR(brier_score(predictions, temperature), expected.find("brier")->as_number(), 1e-13);
  EXPECT_NEAR(negative_log_likelihood(predictions, temperature), expected.find("nll")->as_number(),
              1e-12);
}

TEST(Calibration, EqualsNumpyScikitLearnAndScipy) {
  const Json reference = Json::read(std::filesystem::path(STOCKPOT_SOURCE_DIR) /
                                    "tests/fixtures/metrics/calibration.json");
  for (const Json& one : reference.find("cases")->items()) {
    const std::string name = one.find("name")->as_string();
    Predictions predictions = rows_of(one.find("classes")->as_integer(), {}, {});
    for (const Json& z : one.find("logits")->items())
      predictions.logits.push_back(static_cast<float>(z.as_number()));
    for (const Json& label : one.find("labels")->items())
      predictions.labels.push_back(label.as_integer());
    expect_measures(*one.find("before"), predictions, 1, name);
    const Temperature fitted = fit_temperature(predictions);
    const double temperature = one.find("temperature")->as_number();
    EXPECT_NEAR(fitted.value / temperature, 1, 1e-12) << name;
    EXPECT_NEAR(fitted.nll_after, one.find("nll_after")->as_number(), 1e-13) << name;
    EXPECT_NEAR(fitted.nll_before, negative_log_likelihood(predictions), 1e-13);
    EXPECT_FALSE(fitted.at_bound);
    expect_measures(*one.find("after"), predictions, temperature, name);
  }
}

TEST(Calibration, TheTemperatureScalesWithTheLogits) {
  Predictions predictions = rows_of(2, {2, 0, 1, 0, 0, 3, 0, 1}, {0, 1, 1, 1});
  const double value = fit_temperature(predictions).value;
  for (float& z : predictions.logits) z *= 8;
  EXPECT_NEAR(fit_temperature(predictions).value, 8 * value, 1e-12 * value);
}

TEST(Calibration, AllRightOrWorseThanChanceEndsAtABound) {
  const Temperature right = fit_temperature(rows_of(2, {2, 0, 0, 1}, {0, 1}));
  EXPECT_TRUE(right.at_bound);
  EXPECT_DOUBLE_EQ(right.value, 0.01);
  const Temperature wrong = fit_temperature(rows_of(2, {2, 0, 0, 1}, {1, 0}));
  EXPECT_TRUE(wrong.at_bound);
  EXPECT_DOUBLE_EQ(wrong.value, 100);
}

TEST(Calibration, AcceptsLogitsOfAnySize) {
  const Predictions large = rows_of(2, {3e38f, -3e38f, 0, 3e30f, 5, 1}, {0, 0, 0});
  EXPECT_EQ(reliability(large, BinKind::width).bins.back().rows, 3);
  EXPECT_TRUE(std::isfinite(brier_score(large)));
  EXPECT_TRUE(std::isfinite(fit_temperature(large).value));
}

TEST(Calibration, LogitsThatAreNotFiniteSpoilEveryNumber) {
  for (const float bad : {std::nanf(""), HUGE_VALF}) {
    const Predictions predictions = rows_of(2, {1, 0, bad, 0}, {0, 0});
    EXPECT_TRUE(std::isnan(reliability(predictions, BinKind::mass).expected_error));
    EXPECT_TRUE(std::isnan(brier_score(predictions)));
    EXPECT_TRUE(std::isnan(negative_log_likelihood(predictions, 2)));
    EXPECT_THROW(fit_temperature(predictions), FormatError);
  }
  EXPECT_THROW(fit_temperature(rows_of(2, {}, {})), UsageError);
  EXPECT_THROW(reliability(rows_of(2, {}, {}), BinKind::mass, 0), UsageError);
  EXPECT_THROW(brier_score(rows_of(2, {1, 0}, {2})), FormatError);
}

TEST(Calibration, DoesNotDependOnThreads) {
  Predictions predictions = rows_of(3, {}, {});
  for (int i = 0; i < 2000; ++i) {
    for (int c = 0; c < 3; ++c)
      predictions.logits.push_back(std::sin(static_cast<float>(i * 7 + c * 3)) * 3);
    predictions.labels.push_back(i % 3);
  }
  set_threads(1);
  const double brier = brier_score(predictions), value = fit_temperature(predictions).value;
  set_threads(7);
  EXPECT_EQ(brier_score(predictions), brier);
  EXPECT_EQ(fit_temperature(predictions).value, value);
  set_threads(machine_cores());
}

}  // namespace
}  // namespace stockpot
