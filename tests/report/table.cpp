#include "stockpot/report/table.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sample.h"
#include "stockpot/report/findings.h"

namespace stockpot {
namespace {

TEST(MeanOod, IsThePlainMeanOverTheOodSets) {
  const std::vector<ReportedSet> sets = {
      {"a", SetRole::ood, 10, 0}, {"b", SetRole::ood, 100, 0}, {"id", SetRole::id_test, 10, 0}};
  ReportedModel model;
  model.scores["a"].accuracy = {5, 10};
  model.scores["b"].accuracy = {100, 100};
  model.scores["id"].accuracy = {0, 10};
  EXPECT_EQ(model.mean_ood(sets), 0.75);
}

TEST(MeanOod, IsMissingWhenAScoreIsMissing) {
  ReportedModel model;
  model.scores["a"].accuracy = {5, 10};
  EXPECT_TRUE(std::isnan(model.mean_ood({{"a", SetRole::ood, 10, 0}, {"b", SetRole::ood, 10, 0}})));
  EXPECT_TRUE(std::isnan(model.mean_ood({{"a", SetRole::id_test, 10, 0}})));
}

TEST(Summarise, GroupsTheSeedsOfAMethod) {
  const RunReport report = sample_of_three_seeds();
  const std::vector<MethodSummary> methods = summarise(report);
  ASSERT_EQ(methods.size(), 3u);
  EXPECT_EQ(methods[0].name, "LP");
  EXPECT_EQ(methods[2].method, "lpft");
  EXPECT_EQ(methods[2].runs.size(), 3u);
  EXPECT_EQ(methods[2].runs[1]->seed, 1);
}

std::vector<std::string> row_names(const ResultTable& table) {
  std::vector<std::string> names;
  for (const TableRow& row : table.rows) names.push_back(row.name);
  return names;
}

TEST(ResultTable, HasItsRowsByKindAndTheSearchAsTwoRows) {
  const RunReport report = sample_report();
  EXPECT_EQ(row_names(result_table(report)),
            (std::vector<std::string>{"LP", "FT (BN frozen)", "FT (BN live)", "LP-FT",
                                      "mean of 8 search runs", "best on held-out: search-04",
                                      "uniform soup", "greedy soup", "ensemble"}));
}

TEST(ResultTable, HasHeldOutThenIdThenOodColumns) {
  const RunReport report = sample_report();
  const ResultTable table = result_table(report);
  std::vector<std::string> sets;
  for (const TableColumn& column : table.columns) sets.push_back(column.set);
  EXPECT_EQ(sets, (std::vector<std::string>{"photo (held out)", "photo (test)", "art", "cartoon",
                                            "sketch", ""}));
  EXPECT_EQ(table.main_column(SetRole::ood), 5u);
  EXPECT_EQ(table.main_column(SetRole::id_test), 1u);
}

TEST(ResultTable, HasNoMeanColumnForOneOodSet) {
  RunReport report = sample_report();
  report.sets.resize(3);
  const ResultTable table = result_table(report);
  EXPECT_EQ(table.columns.size(), 3u);
  EXPECT_EQ(table.main_column(SetRole::ood), 2u);
}

TEST(ResultTable, GivesWilsonsIntervalToOneSeed) {
  const RunReport report = sample_report();
  const TableCell cell = result_table(report).rows[0].cells[1];
  const Interval wilson = wilson_interval({314, 333});
  EXPECT_EQ(cell.value, 314.0 / 333);
  EXPECT_EQ(cell.interval->low, wilson.low);
  EXPECT_EQ(cell.interval->high, wilson.high);
}

TEST(ResultTable, CombinesTheOodIntervalsBySquareAndAdd) {
  RunReport report;
  report.sets = {{"a", SetRole::ood, 100, 0}, {"b", SetRole::ood, 100, 0}};
  report.models.resize(1);
  report.models[0].scores["a"].accuracy = {50, 100};
  report.models[0].scores["b"].accuracy = {50, 100};
  const TableCell cell = result_table(report).rows[0].cells[2];
  // Half of Wilson's interval for 50 of 100 is 0.0961685; the mean of two has 1/sqrt(2) of it.
  EXPECT_NEAR(cell.interval->high - 0.5, 0.09616847 / std::sqrt(2), 1e-7);
  EXPECT_NEAR(0.5 - cell.interval->low, 0.09616847 / std::sqrt(2), 1e-7);
}

TEST(ResultTable, TakesIntervalsOverPicturesWhereRowsAreCopies) {
  RunReport report;
  report.sets = {{"a", SetRole::ood, 100, 0}, {"b", SetRole::ood, 100, 0}};
  report.models.resize(1);
  ReportedModel& model = report.models[0];
  model.scores["a"].accuracy = {50, 100};
  model.scores["a"].over_pictures = Interval{0.25, 0.75};
  model.scores["b"].accuracy = {50, 100};
  const std::string words = "over distinct pictures";
  const auto notes = [&] { return table_notes(report, result_table(report)).front(); };
  EXPECT_EQ(result_table(report).rows[0].cells[0].interval->low, 0.25);
  // Square-and-add of 0.25 and Wilson's 0.09616847: the sets show other pictures.
  EXPECT_NEAR(result_table(report).rows[0].cells[2].interval->high - 0.5,
              std::hypot(0.25, 0.09616847) / 2, 1e-7);
  model.mean_ood_over_pictures = Interval{0.3, 0.7};
  EXPECT_EQ(result_table(report).rows[0].cells[2].interval->low, 0.3);
  EXPECT_NE(notes().find(words), std::string::npos) << notes();
  EXPECT_NE(csv_table(report).find("0.250000,0.750000"), std::string::npos) << csv_table(report);
  EXPECT_NE(markdown_table(report).find("50.0 ±25.0"), std::string::npos);
  EXPECT_NE(html_report(report).find("25.0 to 75.0"), std::string::npos);

  const RunReport read = report_from_json(Json::parse(to_json(report).dump(), "results.json"));
  EXPECT_EQ(to_json(read), to_json(report));
  const Json json = to_json(read);
  const Json& score = json.find("models")->items()[0].find("scores")->items()[0];
  EXPECT_EQ(score.find("low95")->as_number(), 0.25);
  EXPECT_EQ(
      json.find("summary")->items()[0].find("columns")->items()[2].find("high95")->as_number(),
      0.7);

  report.models[0].scores["a"].over_pictures.reset();
  report.models[0].mean_ood_over_pictures.reset();
  EXPECT_EQ(notes().find(words), std::string::npos);
}

TEST(ResultTable, GivesStudentsIntervalToSeveralSeeds) {
  const RunReport report = sample_of_three_seeds();
  const ResultTable table = result_table(report);
  std::vector<double> sketch;
  for (const ReportedModel& model : report.models) {
    if (model.method == "lp") sketch.push_back(model.scores.at("sketch").accuracy.value());
  }
  EXPECT_TRUE(table.several_seeds);
  EXPECT_EQ(table.rows[0].seeds, 3);
  EXPECT_EQ(table.rows[0].cells[4].interval->high, mean_interval(sketch).high);
}

TEST(ResultTable, LeavesACellEmptyWhereAModelWasNotEvaluated) {
  RunReport report = sample_report();
  report.models[0].scores.erase("art");
  const ResultTable table = result_table(report);
  EXPECT_FALSE(table.rows[0].cells[2].value);
  EXPECT_FALSE(table.rows[0].cells[5].value);
  EXPECT_TRUE(table.rows[0].cells[3].value);
}

TEST(ResultTable, MarksAllThatPrintAsTheBest) {
  const RunReport report = sample_report();
  const ResultTable table = result_table(report);
  EXPECT_TRUE(table.rows[6].cells[5].best);  // 49.8
  EXPECT_TRUE(table.rows[8].cells[5].best);  // 49.8
  EXPECT_FALSE(table.rows[7].cells[5].best);
}

TEST(Percent, RoundsToATenth) {
  EXPECT_EQ(percent(0.71249), "71.2");
  EXPECT_EQ(percent(1), "100.0");
  EXPECT_EQ(percent(-0.0001), "0.0");
}

std::string all_findings(const RunReport& report) {
  std::string text;
  for (const std::string& one : findings(report, result_table(report))) text += one + "\n";
  return text;
}

TEST(Findings, SayWhatTheNumbersSay) {
  EXPECT_EQ(
      all_findings(sample_report()),
      "LP-FT is 4.3 points better than FT (BN frozen) out of distribution (47.8 against 43.5 %; "
      "intervals apart) and 0.3 points better in distribution (96.1 against 95.8 %; intervals "
      "overlap).\n"
      "LP-FT is 3.7 points better than LP out of distribution (47.8 against 44.1 %; intervals "
      "apart) and 1.8 points better in distribution (96.1 against 94.3 %; intervals overlap).\n"
      "FT (BN frozen) is 1.5 points better than LP in distribution (95.8 against 94.3 %; "
      "intervals overlap), but 0.6 points worse out of distribution (43.5 against 44.1 %; "
      "intervals overlap).\n"
      "FT (BN frozen) stands for fine-tuning here: of the 2 variants it is the best on held-out "
      "data.\n"
      "The greedy soup keeps 3 of 8 runs and costs one forward pass a picture.\n"
      "The greedy soup is 0.3 points worse than search-04, the best single run on held-out data, "
      "in distribution (96.7 against 97.0 %; intervals overlap), but 0.7 points better out of "
      "distribution (49.6 against 48.9 %; intervals overlap).\n"
      "The greedy soup is 0.3 points better than the ensemble (8 forward passes a picture) in "
      "distribution (96.7 against 96.4 %; intervals overlap), but 0.2 points worse out of "
      "distribution (49.6 against 49.8 %; intervals overlap).\n"
      "Highest on held-out data: greedy soup, 98.5 %.\n");
}

TEST(Findings, DoNotClaimThatLpFtWinsWhenItLoses) {
  RunReport report = sample_of_three_seeds();
  for (ReportedModel& model : report.models) {
    if (model.method == "lpft") {
      for (auto& [set, score] : model.scores) score.accuracy.correct /= 2;
    }
  }
  const std::string headline = findings(report, result_table(report)).front();
  EXPECT_NE(headline.find("points worse than FT out of distribution"), std::string::npos);
  EXPECT_EQ(headline.find("better"), std::string::npos);
}

TEST(Findings, CallEqualNumbersLevel) {
  RunReport report = sample_of_three_seeds();
  for (ReportedModel& model : report.models) model.scores = report.models[0].scores;
  EXPECT_EQ(findings(report, result_table(report)).front().substr(0, 61),
            "LP-FT is level with FT out of distribution (43.7 against 43.7");
}

TEST(Findings, OfAnEmptyReportSaySo) { EXPECT_EQ(all_findings({}), "No model was evaluated.\n"); }

}  // namespace
}  // namespace stockpot
