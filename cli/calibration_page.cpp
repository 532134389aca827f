#include "cli/calibration_page.h"

#include "cli/analysis_page.h"
#include "cli/line_figure.h"
#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/base/version.h"
#include "stockpot/report/words.h"

namespace stockpot::cli {
namespace {

constexpr std::size_t kTextWidth = 150;  // of the table in a page
constexpr std::size_t kMostFigures = 12;

Json bins_json(const Reliability& reliability) {
  Json bins = Json::array();
  for (const CalibrationBin& bin : reliability.bins)
    bins.push(Json::object({{"rows", bin.rows},
                            {"correct", bin.correct},
                            {"confidence", bin.confidence},
                            {"low", bin.low},
                            {"high", bin.high}}));
  return bins;
}

Json score_json(const CalibrationScore& score) {
  return Json::object({{"ece_mass", score.mass.expected_error},
                       {"ece_width", score.width.expected_error},
                       {"mce_mass", score.mass.largest_error},
                       {"mce_width", score.width.largest_error},
                       {"brier", score.brier},
                       {"nll", score.nll},
                       {"bins_mass", bins_json(score.mass)},
                       {"bins_width", bins_json(score.width)}});
}

// "4.21 -> 1.03"
std::string change(double before, double after, double scale, int decimals) {
  return fixed(scale * before, decimals) + " -> " + fixed(scale * after, decimals);
}

FigureLine diagram(const std::string& label, const char* colour, const Reliability& reliability) {
  FigureLine line;
  line.label = label;
  line.colour = colour;
  for (const CalibrationBin& bin : reliability.bins) {
    line.points.emplace_back(bin.confidence, bin.accuracy());
    line.tips.push_back(label + ": confidence " + fixed(100 * bin.confidence, 1) + " %, accuracy " +
                        fixed(100 * bin.accuracy(), 1) + " % of " + grouped(bin.rows) + " rows");
  }
  return line;
}

std::string figure_of(const CalibratedModel& model, const CalibratedSet& set) {
  LineFigure figure;
  figure.caption = printable(model.label) + " on " + printable(set.name) +
                   ": accuracy against confidence in parts of equal size. Below the dashed line "
                   "the model is surer than it is right.";
  figure.x_label = "confidence";
  figure.y_label = "accuracy";
  FigureLine ideal;
  ideal.label = "as sure as right";
  ideal.colour = "soft";
  ideal.dashed = true;
  ideal.marks = false;
  ideal.points = {{0, 0}, {1, 1}};
  figure.lines = {
      diagram("before", "ft", set.before.mass),
      diagram("after, T = " + significant(model.temperature.value, 3), "lp", set.after.mass),
      ideal};
  return figure_html(figure);
}

std::vector<std::string> sentences(const CalibrationStudy& study) {
  std::vector<std::string> list;
  for (const CalibratedModel& model : study.models)
    if (model.temperature.at_bound)
      list.push_back(printable(model.label) +
                     ": the likelihood has no largest value inside of the range of temperatures: " +
                     (model.temperature.value < 1 ? "all held-out rows are right"
                                                  : "its logits do not fit the labels"));
  list.push_back(
      "Temperatures are fitted on the held-out set: its own numbers after the fit are optimistic.");
  return list;
}

}  // namespace

Json to_json(const CalibrationStudy& study) {
  Json models = Json::array();
  for (const CalibratedModel& model : study.models) {
    Json sets = Json::array();
    for (const CalibratedSet& set : model.sets)
      sets.push(Json::object({{"name", set.name},
                              {"role", words(set.role).json},
                              {"correct", set.accuracy.correct},
                              {"total", set.accuracy.total},
                              {"before", score_json(set.before)},
                              {"after", score_json(set.after)}}));
    models.push(Json::object({{"name", model.name},
                              {"temperature", model.temperature.value},
                              {"at_bound", model.temperature.at_bound},
                              {"sets", std::move(sets)}}));
  }
  return Json::object({{"schema_version", 1},
                       {"command", "calibrate"},
                       {"stockpot", kVersion},
                       {"bins", study.bins},
                       {"models", std::move(models)}});
}

std::string calibration_text(const CalibrationStudy& study, std::size_t width) {
  TextTable table({{"model", false, true},
                   {"set", false, true},
                   {"", false},
                   {"T", true},
                   {"accuracy", true},
                   {"ECE, equal mass", true},
                   {"ECE, equal width", true},
                   {"NLL", true},
                   {"Brier", true}});
  for (const CalibratedModel& model : study.models)
    for (const CalibratedSet& set : model.sets)
      table.add({printable(model.label), printable(set.name), std::string(words(set.role).shown),
                 significant(model.temperature.value, 4), fixed(100 * set.accuracy.value(), 2),
                 change(set.before.mass.expected_error, set.after.mass.expected_error, 100, 2),
                 change(set.before.width.expected_error, set.after.width.expected_error, 100, 2),
                 change(set.before.nll, set.after.nll, 1, 4),
                 change(set.before.brier, set.after.brier, 1, 4)});
  std::string text = table.text(width);
  text += "\n  before -> after the temperature; accuracy and ECE (" + std::to_string(study.bins) +
          " bins) in percent\n";
  for (const std::string& sentence : sentences(study)) text += "- " + sentence + "\n";
  return text;
}

std::string calibration_page(const CalibrationStudy& study) {
  AnalysisPage page;
  page.command = "stockpot calibrate";
  page.title = "How sure the models are, and how right";
  page.subtitle =
      std::to_string(study.models.size()) + " models, " + std::to_string(study.bins) + " bins";
  page.sentences = sentences(study);
  page.sections.push_back({"numbers", "Before and after one temperature",
                           preformatted(calibration_text(study, kTextWidth))});
  std::string figures;
  std::size_t shown = 0;
  for (const CalibratedModel& model : study.models)
    for (const CalibratedSet& set : model.sets)
      if (shown < kMostFigures) {
        figures += figure_of(model, set);
        ++shown;
      }
  page.sections.push_back({"diagrams", "Reliability", figures});
  return analysis_html(page);
}

}  // namespace stockpot::cli
