#include "cli/ensemble_page.h"

#include <algorithm>
#include <array>

#include "cli/analysis_page.h"
#include "cli/line_figure.h"
#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/base/version.h"
#include "stockpot/report/words.h"

namespace stockpot::cli {
namespace {

constexpr std::size_t kTextWidth = 150;  // of the tables in a page
constexpr std::array kColours = {"soft", "ensemble", "ft", "soup", "lpft"};

Json names_of(const EnsembleStudy& study, const std::vector<std::size_t>& members) {
  Json names = Json::array();
  for (const std::size_t i : members) names.push(study.models[i]);
  return names;
}

std::string rows_text(const EnsembleStudy& study, std::size_t width) {
  std::vector<TextColumn> columns{{"", false, true}, {"members", true}, {"passes", true}};
  for (const EnsembleStudy::Set& set : study.sets) columns.push_back({printable(set.name), true});
  columns.push_back({"NLL", true});
  columns.push_back({"ECE", true});
  TextTable table(columns);
  for (const EnsembleRow& row : study.rows) {
    std::vector<std::string> cells{row.name, std::to_string(row.members.size()),
                                   std::to_string(row.passes)};
    for (const EnsembleScore& score : row.scores)
      cells.push_back(fixed(100 * score.accuracy.value(), 2) +
                      (score.test.p <= 0.05 ? " *" : "  "));
    cells.push_back(fixed(row.scores.front().nll, 4));
    cells.push_back(fixed(100 * row.scores.front().calibration_error, 2));
    table.add(cells);
  }
  return table.text(width);
}

std::string ledger_text(const EnsembleStudy& study, std::size_t width) {
  TextTable table({{"", true},
                   {"model", false, true},
                   {"alone", true},
                   {"ensemble", true},
                   {"", false},
                   {"why", false, true}});
  for (const LedgerEntry& entry : study.greedy.ledger)
    table.add({std::to_string(entry.rank), printable(entry.name), fixed(100 * entry.alone.value, 2),
               fixed(100 * entry.after.value, 2), entry.accepted ? "in" : "",
               printable(entry.reason)});
  return table.text(width);
}

std::vector<std::string> sentences(const EnsembleStudy& study) {
  std::vector<std::string> list;
  list.push_back("The greedy ensemble has " + std::to_string(study.greedy.ingredients.size()) +
                 " of " + std::to_string(study.models.size()) +
                 " models: a picture costs as many forward passes.");
  const bool copies =
      std::ranges::any_of(study.rows.front().scores,
                          [](const EnsembleScore& score) { return score.test.pictures > 0; });
  list.push_back(
      std::string(
          "An asterisk: p <= 0.05 in the exact McNemar test against the best single model") +
      (copies ? ", or, where rows are copies of one picture, in the exact permutation test over "
                "pictures"
              : "") +
      ". NLL and ECE are of " + printable(study.sets.front().name) + ".");
  return list;
}

// One line a row, one place a set.
std::string figure(const EnsembleStudy& study) {
  LineFigure figure;
  figure.caption = "Accuracy by set, with the single model that is best on held-out data.";
  figure.x_label = "set";
  figure.y_label = "accuracy (%)";
  for (std::size_t set = 0; set < study.sets.size(); ++set)
    figure.x_ticks.emplace_back(static_cast<double>(set), printable(study.sets[set].name));
  for (std::size_t i = 0; i < study.rows.size(); ++i) {
    const EnsembleRow& row = study.rows[i];
    FigureLine line;
    line.label = row.name;
    line.colour = kColours[i % kColours.size()];
    line.dashed = row.passes > 1;
    for (std::size_t set = 0; set < study.sets.size(); ++set) {
      const Accuracy& accuracy = row.scores[set].accuracy;
      const Interval& interval = row.scores[set].interval;
      line.points.emplace_back(static_cast<double>(set), 100 * accuracy.value());
      line.tips.push_back(row.name + " on " + printable(study.sets[set].name) + ": " +
                          fixed(100 * accuracy.value(), 2) + " % (" + fixed(100 * interval.low, 2) +
                          " to " + fixed(100 * interval.high, 2) + ")");
    }
    figure.lines.push_back(std::move(line));
  }
  return figure_html(figure);
}

}  // namespace

Json to_json(const EnsembleStudy& study) {
  Json models = Json::array(), sets = Json::array(), rows = Json::array(), ledger = Json::array();
  for (std::size_t i = 0; i < study.models.size(); ++i)
    models.push(Json::object({{"name", study.models[i]},
                              {"correct", study.alone[i].counts->correct},
                              {"total", study.alone[i].counts->total}}));
  for (const EnsembleStudy::Set& set : study.sets)
    sets.push(Json::object({{"name", set.name}, {"role", words(set.role).json}}));
  for (const EnsembleRow& row : study.rows) {
    Json scores = Json::object({});
    for (std::size_t set = 0; set < study.sets.size(); ++set) {
      const EnsembleScore& score = row.scores[set];
      scores.set(study.sets[set].name, Json::object({{"correct", score.accuracy.correct},
                                                     {"total", score.accuracy.total},
                                                     {"low", score.interval.low},
                                                     {"high", score.interval.high},
                                                     {"nll", score.nll},
                                                     {"ece_mass", score.calibration_error},
                                                     {"p", score.test.p}}));
    }
    rows.push(Json::object({{"name", row.name},
                            {"members", names_of(study, row.members)},
                            {"passes", row.passes},
                            {"sets", std::move(scores)}}));
  }
  for (const LedgerEntry& entry : study.greedy.ledger) ledger.push(entry.to_json());
  return Json::object({{"schema_version", 1},
                       {"command", "ensemble"},
                       {"stockpot", kVersion},
                       {"sets", std::move(sets)},
                       {"models", std::move(models)},
                       {"rows", std::move(rows)},
                       {"ledger", std::move(ledger)}});
}

std::string ensemble_text(const EnsembleStudy& study, std::size_t width) {
  std::string text = rows_text(study, width) + "\n" + ledger_text(study, width) + "\n";
  for (const std::string& sentence : sentences(study)) text += "- " + sentence + "\n";
  return text;
}

std::string ensemble_page(const EnsembleStudy& study) {
  AnalysisPage page;
  page.command = "stockpot ensemble";
  page.title = "Ensembles of logits";
  page.subtitle = std::to_string(study.models.size()) + " models";
  page.sentences = sentences(study);
  page.sections.push_back(
      {"rows", "Side by side", figure(study) + preformatted(rows_text(study, kTextWidth))});
  page.sections.push_back(
      {"ledger", "The greedy ensemble", preformatted(ledger_text(study, kTextWidth))});
  return analysis_html(page);
}

}  // namespace stockpot::cli
