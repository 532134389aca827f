#include "cli/curve_page.h"

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

constexpr std::size_t kTextWidth = 140;  // of the table in a page
constexpr std::array kColours = {"lp", "ft", "lpft", "soup", "ensemble", "zero_shot"};

bool in_band(const CurveChoice& choice, std::size_t point) {
  return point >= choice.first && point <= choice.last;
}

std::string alpha_text(double alpha) { return significant(alpha, 4); }

// How far OOD sets go from the second model to the chosen mixture.
std::vector<std::string> sentences(const CurveStudy& study) {
  std::vector<std::string> list;
  if (study.choice) {
    const CurveChoice& choice = *study.choice;
    const double chosen = study.points[choice.best].alpha;
    list.push_back("Held-out data choose alpha " + alpha_text(chosen) + ". From " +
                   alpha_text(study.points[choice.first].alpha) + " to " +
                   alpha_text(study.points[choice.last].alpha) +
                   " nothing is significantly worse there (" + name_of(choice.tests.front()) +
                   ", p > " + shortest(study.level) + ").");
    const auto end = std::ranges::find_if(study.points,
                                          [](const CurvePoint& point) { return point.alpha == 1; });
    for (std::size_t set = 0; set < study.sets.size() && chosen != 1; ++set)
      if (end != study.points.end() && study.sets[set].role != SetRole::held_out)
        list.push_back("On " + printable(study.sets[set].name) + " the chosen mixture has " +
                       fixed(100 * study.points[choice.best].scores[set].accuracy.value(), 2) +
                       " %, the " + "second model alone " +
                       fixed(100 * end->scores[set].accuracy.value(), 2) + " %.");
  }
  for (std::size_t set = 0; set < study.sets.size(); ++set)
    if (const auto found = barrier(study.points, set))
      list.push_back("Barrier on " + printable(study.sets[set].name) + ": accuracy " +
                     fixed(100 * found->accuracy, 2) + " points at alpha " +
                     alpha_text(found->at_accuracy) + ", loss " + fixed(found->nll, 4) + " at " +
                     alpha_text(found->at_nll) +
                     (found->accuracy <= 0 ? " (negative: better than the straight line)." : "."));
  if (!study.batchnorm.empty())
    list.push_back("BatchNorm's statistics of the mixtures: " + study.batchnorm + ".");
  return list;
}

std::string figure(const CurveStudy& study, bool loss) {
  LineFigure figure;
  figure.caption = loss ? "Mean negative log-likelihood along the line."
                        : "Accuracy along the line, alpha 0 is the first model and 1 the second.";
  if (!loss && study.choice)
    figure.caption +=
        " The thick part of the held-out curve is as good as its best point for all that a paired "
        "test knows.";
  figure.x_label = "alpha";
  figure.y_label = loss ? "negative log-likelihood" : "accuracy (%)";
  for (std::size_t set = 0; set < study.sets.size(); ++set) {
    FigureLine line;
    line.label = printable(study.sets[set].name);
    line.colour = study.sets[set].role == SetRole::held_out ? "soft" : kColours[set % 6];
    for (const CurvePoint& point : study.points)
      line.points.emplace_back(
          point.alpha, loss ? point.scores[set].nll : 100 * point.scores[set].accuracy.value());
    figure.lines.push_back(line);
    if (loss || !study.choice || study.sets[set].role != SetRole::held_out) continue;
    FigureLine band = line;
    band.label = "as good as the best";
    band.colour = "ink";
    band.points.assign(line.points.begin() + static_cast<std::ptrdiff_t>(study.choice->first),
                       line.points.begin() + static_cast<std::ptrdiff_t>(study.choice->last) + 1);
    figure.lines.push_back(std::move(band));
  }
  return figure_html(figure);
}

}  // namespace

Json to_json(const CurveStudy& study) {
  Json points = Json::array(), barriers = Json::object({});
  for (std::size_t i = 0; i < study.points.size(); ++i) {
    const CurvePoint& point = study.points[i];
    Json scores = Json::object({}), json = Json::object({{"alpha", point.alpha}});
    for (std::size_t set = 0; set < study.sets.size(); ++set)
      scores.set(study.sets[set].name,
                 Json::object({{"correct", point.scores[set].accuracy.correct},
                               {"total", point.scores[set].accuracy.total},
                               {"nll", point.scores[set].nll}}));
    json.set("sets", std::move(scores));
    if (study.choice) {
      const PairedTest& test = study.choice->tests[i];
      Json against = Json::object(
          {{"only_best", test.only_first}, {"only_this", test.only_second}, {"p", test.p}});
      if (test.pictures > 0) against.set("pictures", test.pictures);
      json.set("test", std::move(against));
      json.set("as_good_as_best", in_band(*study.choice, i));
    }
    points.push(std::move(json));
  }
  Json sets = Json::array();
  for (std::size_t set = 0; set < study.sets.size(); ++set) {
    sets.push(
        Json::object({{"name", study.sets[set].name}, {"role", words(study.sets[set].role).json}}));
    if (const auto found = barrier(study.points, set))
      barriers.set(study.sets[set].name, Json::object({{"accuracy", found->accuracy},
                                                       {"at_accuracy", found->at_accuracy},
                                                       {"nll", found->nll},
                                                       {"at_nll", found->at_nll}}));
  }
  Json json = Json::object({{"schema_version", 1},
                            {"command", "interpolate"},
                            {"stockpot", kVersion},
                            {"models", Json(Json::Array{study.first, study.second})},
                            {"sets", std::move(sets)},
                            {"points", std::move(points)},
                            {"barriers", std::move(barriers)}});
  if (study.choice) {
    const CurveChoice& choice = *study.choice;
    json.set("chosen", Json::object({{"alpha", study.points[choice.best].alpha},
                                     {"first", study.points[choice.first].alpha},
                                     {"last", study.points[choice.last].alpha},
                                     {"level", study.level}}));
  }
  if (!study.batchnorm.empty()) json.set("batchnorm", study.batchnorm);
  return json;
}

std::string curve_text(const CurveStudy& study, std::size_t width) {
  std::vector<TextColumn> columns{{"alpha", true}};
  for (const CurveStudy::Set& set : study.sets) columns.push_back({printable(set.name), true});
  if (study.choice) {
    columns.push_back({"against the best", true});
    columns.push_back({"p", true});
    columns.push_back({"", false});
  }
  TextTable table(columns);
  for (std::size_t i = 0; i < study.points.size(); ++i) {
    std::vector<std::string> row{alpha_text(study.points[i].alpha)};
    for (const CurveScore& score : study.points[i].scores)
      row.push_back(fixed(100 * score.accuracy.value(), 2));
    if (study.choice) {
      const PairedTest& test = study.choice->tests[i];
      row.push_back("-" + grouped(test.only_first) + " +" + grouped(test.only_second));
      row.push_back(significant(test.p, 3));
      row.push_back(i == study.choice->best     ? "chosen"
                    : in_band(*study.choice, i) ? "as good"
                                                : "");
    }
    table.add(row);
  }
  std::string text = table.text(width) + "\n";
  for (const std::string& sentence : sentences(study)) text += "- " + sentence + "\n";
  return text;
}

std::string curve_page(const CurveStudy& study) {
  AnalysisPage page;
  page.command = "stockpot interpolate";
  page.title = "Between two models";
  page.subtitle = printable(study.first) + " (alpha 0) and " + printable(study.second) + " (1)";
  page.sentences = sentences(study);
  page.sections.push_back({"curve", "Curves", figure(study, false) + figure(study, true)});
  page.sections.push_back({"points", "Points", preformatted(curve_text(study, kTextWidth))});
  return analysis_html(page);
}

}  // namespace stockpot::cli
