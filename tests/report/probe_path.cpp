// The linear probe's path in the report.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "sample.h"
#include "stockpot/base/error.h"

namespace stockpot {
namespace {

// Five penalties on the sample's sets: training rises, the OOD sets are best at the second one.
RunReport with_path() {
  RunReport report = sample_report();
  ReportedProbePath path;
  path.scaling = "global";
  path.chosen = 2;
  for (const ReportedSet& set : report.sets) path.sets.push_back(set.name);
  for (int i = 0; i < 5; ++i) {
    ProbePathPoint point;
    point.c = i == 0 ? 1e-7 : i * 0.5;
    point.converged = i < 4;
    point.train = {80 + i, 100};
    for (const ReportedSet& set : report.sets) {
      const int best = set.role == SetRole::ood ? 1 : 2;
      point.scores.push_back({(set.role == SetRole::ood ? 60 : 90) - 2 * std::abs(i - best), 100});
    }
    path.points.push_back(point);
  }
  report.probe_path = path;
  return report;
}

TEST(ProbePathReport, ComesBackFromResultsJson) {
  const RunReport report = with_path();
  const Json json = to_json(report);
  const RunReport read = report_from_json(Json::parse(json.dump(2), "results.json"));
  EXPECT_EQ(to_json(read), json);
  EXPECT_EQ(html_report(read), html_report(report));
}

TEST(ProbePathReport, SaysWhatTheChoiceCostInOneLine) {
  EXPECT_EQ(probe_path_line(with_path()),
            "Linear probe: C = 1 is best on held-out data of 5 penalties from 1e-07 to 2 (90.0 %); "
            "out of distribution 58.0 % there, at most 60.0 % on the path (C = 0.5, which only OOD "
            "data could have told).");
  RunReport best = with_path();
  best.probe_path->chosen = 1;
  EXPECT_EQ(probe_path_line(best),
            "Linear probe: C = 0.5 is best on held-out data of 5 penalties from 1e-07 to 2 "
            "(88.0 %); out of distribution 60.0 % there, the most on the path.");
  RunReport one = with_path();
  one.probe_path->points.resize(1);
  one.probe_path->chosen = 0;
  one.sets.erase(std::remove_if(one.sets.begin(), one.sets.end(),
                                [](const ReportedSet& set) { return set.role == SetRole::ood; }),
                 one.sets.end());
  EXPECT_EQ(probe_path_line(one),
            "Linear probe: C = 1e-07 is best on held-out data of 1 penalty (86.0 %).");
  EXPECT_EQ(probe_path_line(sample_report()), "");
}

TEST(ProbePathReport, IsAFigureAndATableOfThePage) {
  const std::string page = html_report(with_path());
  EXPECT_NE(page.find("<section id=\"probe\">"), std::string::npos);
  EXPECT_NE(page.find("<canvas id=\"probe-path\""), std::string::npos);
  EXPECT_NE(page.find("1 (chosen)"), std::string::npos);
  EXPECT_NE(page.find("2 (not converged)"), std::string::npos);
  EXPECT_EQ(html_report(sample_report()).find("<section id=\"probe\">"), std::string::npos);
}

TEST(ProbePathReport, DrawsALineForEverySet) {
  const Json chart = probe_chart(with_path());
  EXPECT_EQ(chart.find("lines")->items().size(), sample_report().sets.size());
  EXPECT_EQ(chart.find("c")->items().size(), 5U);
  EXPECT_EQ(chart.find("chosen")->as_integer(), 2);
  EXPECT_TRUE(probe_chart(sample_report()).is_null());
}

TEST(ProbePathReport, APathThatDoesNotFitItselfIsRefused) {
  RunReport report = with_path();
  report.probe_path->points[3].scores.pop_back();
  EXPECT_THROW(report_from_json(to_json(report)), FormatError);
  report = with_path();
  report.probe_path->chosen = 5;
  EXPECT_THROW(report_from_json(to_json(report)), FormatError);
}

}  // namespace
}  // namespace stockpot
