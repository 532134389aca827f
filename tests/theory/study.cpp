// The whole study: what it holds, how it is told, and that threads change nothing.
#include "stockpot/theory/study.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/threads.h"
#include "stockpot/theory/study_json.h"
#include "stockpot/theory/study_text.h"

namespace stockpot::theory {
namespace {

StudyOptions small() {
  StudyOptions options;
  options.base.dimension = 24;
  options.base.features = 2;
  options.dimensions = {16, 32};
  options.eps = {0, 0.01, 0.1};
  options.phi = {0, 1};
  options.seeds = 3;
  return options;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Study, IsTheSameForAnyNumberOfThreads) {
  const int before = threads();
  set_threads(1);
  const Study one = run_study(small());
  set_threads(4);
  const Study four = run_study(small());
  set_threads(before);
  EXPECT_EQ(to_json(one).dump(), to_json(four).dump());
  EXPECT_EQ(to_csv(one), to_csv(four));
  EXPECT_EQ(study_text(one, 100), study_text(four, 100));
}

TEST(Study, DoesOnlyWhatWasAskedFor) {
  StudyOptions options = small();
  options.presets = {StudyPreset::toy};
  const Study study = run_study(options);
  EXPECT_EQ(study.toy.size(), 6U);
  EXPECT_TRUE(study.sweeps.empty());
  EXPECT_TRUE(study.time.empty());
  EXPECT_EQ(tables(study).size(), 1U);
}

TEST(Study, FindsThePapersOrder) {
  StudyOptions options;
  options.presets = {StudyPreset::eps, StudyPreset::alignment};
  options.eps = {0.01, 0.02, 0.05, 0.1};
  options.seeds = 5;
  const Study study = run_study(options);
  std::vector<double> lp;
  for (const Point& point : study.sweeps[0].points) {
    lp.push_back(point.mean_ood(Method::lp));
    EXPECT_LT(point.mean_ood(Method::lpft), point.mean_ood(Method::lp));
    EXPECT_LT(point.mean_ood(Method::lp), point.mean_ood(Method::ft));
    EXPECT_LT(point.mean_id(Method::ft), point.mean_id(Method::lp));
    for (const theory::Run& run : point.runs) EXPECT_TRUE(run.bound_holds());
  }
  EXPECT_NEAR(log_slope(options.eps, lp), 2, 0.01);
  double last = -1;
  for (const Point& point : study.sweeps[1].points) {
    EXPECT_GT(point.mean_ood(Method::ft), last) << "FT's error grows with phi";
    last = point.mean_ood(Method::ft);
  }
}

TEST(Study, JsonHasWhatTheTablesShow) {
  const Json json = to_json(run_study(small()));
  EXPECT_EQ(json.find("schema_version")->as_integer(), 1);
  EXPECT_EQ(json.find("toy")->find("rows")->items().size(), 6U);
  EXPECT_EQ(json.find("sweeps")->items().size(), 3U);
  const Json& first = json.find("sweeps")->items()[0].find("points")->items()[1];
  EXPECT_EQ(first.find("runs")->items().size(), 3U);
  EXPECT_EQ(first.find("setting")->find("eps")->as_number(), 0.01);
  EXPECT_GT(first.find("mean")->find("FT")->find("ood")->as_number(), 0);
  EXPECT_EQ(json.find("time")->find("times")->items().size(),
            json.find("time")->find("LP-FT")->find("ood")->items().size());
  EXPECT_EQ(json.find("time")->find("descent")->items().size(), 3U);
  // What is written must read back.
  EXPECT_EQ(Json::parse(json.dump(2), "results.json"), json);
}

TEST(Study, ADescentThatDivergesSaysSo) {
  StudyOptions options = small();
  options.presets = {StudyPreset::time};
  options.seeds = 1;
  options.base.sigma = 100;
  const Study study = run_study(options);
  for (const DescentCheck& check : study.time.front().descents) {
    EXPECT_TRUE(check.diverged);
    EXPECT_FALSE(check.converged);
    EXPECT_TRUE(std::isnan(check.off_span));
    EXPECT_LT(check.most_steps, 1000) << "there is nothing to wait for";
  }
  const std::string text = study_text(study, 100);
  EXPECT_NE(text.find("(diverged)"), std::string::npos);
  EXPECT_NE(text.find("diverges from a head this large"), std::string::npos);
  EXPECT_EQ(text.find("too uneven"), std::string::npos);
}

TEST(Study, ADescentAndAFlowWithoutErrorAreNotApart) {
  StudyOptions options = small();
  options.presets = {StudyPreset::time};
  options.seeds = 1;
  options.base.eps = 0;
  options.base.phi = 0;
  const Study study = run_study(options);
  for (const DescentCheck& check : study.time.front().descents) {
    EXPECT_TRUE(check.converged);
    EXPECT_EQ(check.relative_change, 0);
  }
}

TEST(Study, EveryLineOfTheCsvHasEveryColumn) {
  const std::string csv = to_csv(run_study(small()));
  const std::vector<std::string> lines = split(csv, '\n');
  // Header, toy, 3 + 2 + 2 + 1 points of 3 problems and 3 methods, and the end of the last line.
  EXPECT_EQ(lines.size(), 1U + 6 + 8 * 9 + 1);
  for (const std::string& line : lines) {
    if (!line.empty()) {
      EXPECT_EQ(std::count(line.begin(), line.end(), ','), 19) << line;
    }
  }
}

TEST(Study, TextTellsTheTablesAndWhatTheyShow) {
  const std::string text = study_text(run_study(small()), 100);
  for (const char* part :
       {"eps", "phi", "OOD LP-FT", "What this shows", "LP grows as eps^",
        "(Theorem 3.1): it held at every", "it moves nothing off the training span"})
    EXPECT_TRUE(contains(text, part)) << part << "\n" << text;
  for (const std::string& line : split(text, '\n')) EXPECT_LE(line.size(), 110U) << line;
}

TEST(Study, BadRequestsAreRefusedBeforeAnythingIsComputed) {
  const auto message = [](const StudyOptions& options) {
    try {
      run_study(options);
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  StudyOptions options = small();
  options.seeds = 0;
  EXPECT_TRUE(contains(message(options), "--seeds is 0"));
  options = small();
  options.eps = {0.1, 2};
  EXPECT_TRUE(contains(message(options), "--eps is 2"));
  options = small();
  options.dimensions = {32, 4};
  EXPECT_TRUE(contains(message(options), "--features is 2"));
  options = small();
  options.subspace = 20;
  EXPECT_TRUE(contains(message(options), "--subspace is 20")) << "one of the dimensions is 16";
  options = small();
  options.eps.assign(1000, 0.1);
  EXPECT_TRUE(contains(message(options), "--eps has 1000 values"));
}

TEST(LogSlope, IsTheExponentOfAPowerLaw) {
  EXPECT_NEAR(log_slope({1, 10, 100}, {2, 200, 20000}), 2, 1e-12);
  EXPECT_NEAR(log_slope({0, 1, 10}, {5, 3, 3}), 0, 1e-12);
  EXPECT_TRUE(std::isnan(log_slope({1}, {1})));
  EXPECT_TRUE(std::isnan(log_slope({0, -1}, {1, 1})));
}

}  // namespace
}  // namespace stockpot::theory
