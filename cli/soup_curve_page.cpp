#include "cli/soup_curve_page.h"

#include <array>
#include <cmath>
#include <optional>

#include "cli/analysis_page.h"
#include "cli/line_figure.h"
#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/base/version.h"
#include "stockpot/report/words.h"

namespace stockpot::cli {
namespace {

constexpr std::size_t kTextWidth = 140;  // of the table in a page
constexpr std::array kMethods = {SubsetMethod::best, SubsetMethod::uniform, SubsetMethod::greedy,
                                 SubsetMethod::greedy_random};
constexpr std::array kColours = {"soft", "ft", "soup", "lp"};

// Over the repeats, in percent.
struct Spread {
  double mean = 0, members = 0;
  std::optional<Interval> interval;  // Student's t, 95 %
};

Spread spread_of(const SoupCurveStudy& study, SubsetMethod method, std::size_t size,
                 std::size_t set) {
  Spread spread;
  std::vector<double> values;
  for (const SubsetSoup& soup : study.soups) {
    if (soup.method != method || soup.size != size) continue;
    values.push_back(100 * soup.scores[set].value());
    spread.members += static_cast<double>(soup.members.size());
  }
  const auto n = static_cast<double>(values.size());
  for (const double value : values) spread.mean += value / n;
  spread.members /= n;
  if (values.size() > 1) spread.interval = mean_interval(values);
  return spread;
}

std::string figure(const SoupCurveStudy& study, std::size_t set) {
  LineFigure figure;
  figure.caption = "Accuracy on " + printable(study.sets[set].name) +
                   " against the number of models, mean over " + std::to_string(study.repeats) +
                   " random orders; thin dashed: its 95 % interval (Student's t).";
  figure.x_label = "models";
  figure.y_label = "accuracy (%)";
  figure.log_x = study.sizes.back() >= 16;
  for (std::size_t m = 0; m < kMethods.size(); ++m) {
    FigureLine line, low, high;
    line.label = name_of(kMethods[m]);
    line.colour = low.colour = high.colour = kColours[m];
    low.dashed = high.dashed = true;
    low.marks = high.marks = false;
    for (const std::size_t size : study.sizes) {
      const Spread spread = spread_of(study, kMethods[m], size, set);
      const auto x = static_cast<double>(size);
      line.points.emplace_back(x, spread.mean);
      line.tips.push_back(line.label + " of " + std::to_string(size) + ": " +
                          fixed(spread.mean, 2) + " %, " + fixed(spread.members, 1) +
                          " ingredients");
      if (!spread.interval) continue;
      low.points.emplace_back(x, spread.interval->low);
      high.points.emplace_back(x, spread.interval->high);
    }
    figure.lines.push_back(std::move(line));
    if (low.points.empty()) continue;
    figure.lines.push_back(std::move(low));
    figure.lines.push_back(std::move(high));
  }
  return figure_html(figure);
}

}  // namespace

Json to_json(const SoupCurveStudy& study) {
  Json sets = Json::array(), models = Json::array(), soups = Json::array(), points = Json::array();
  for (const SoupCurveStudy::Set& set : study.sets)
    sets.push(Json::object({{"name", set.name}, {"role", words(set.role).json}}));
  for (const std::string& model : study.models) models.push(model);
  for (const SubsetSoup& soup : study.soups) {
    Json members = Json::array(), scores = Json::object({});
    for (const std::size_t i : soup.members) members.push(static_cast<std::int64_t>(i));
    for (std::size_t set = 0; set < study.sets.size(); ++set)
      scores.set(study.sets[set].name, Json::object({{"correct", soup.scores[set].correct},
                                                     {"total", soup.scores[set].total}}));
    soups.push(Json::object({{"method", name_of(soup.method)},
                             {"size", static_cast<std::int64_t>(soup.size)},
                             {"repeat", static_cast<std::int64_t>(soup.repeat)},
                             {"members", std::move(members)},
                             {"sets", std::move(scores)}}));
  }
  for (const SubsetMethod method : kMethods)
    for (const std::size_t size : study.sizes)
      for (std::size_t set = 0; set < study.sets.size(); ++set) {
        const Spread spread = spread_of(study, method, size, set);
        Json point = Json::object({{"method", name_of(method)},
                                   {"size", static_cast<std::int64_t>(size)},
                                   {"set", study.sets[set].name},
                                   {"mean", spread.mean / 100},
                                   {"ingredients", spread.members}});
        if (spread.interval) {
          point.set("low", spread.interval->low / 100);
          point.set("high", spread.interval->high / 100);
        }
        points.push(std::move(point));
      }
  return Json::object({{"schema_version", 1},
                       {"command", "soup curve"},
                       {"stockpot", kVersion},
                       {"seed", study.seed},
                       {"repeats", static_cast<std::int64_t>(study.repeats)},
                       {"models", std::move(models)},
                       {"sets", std::move(sets)},
                       {"points", std::move(points)},
                       {"soups", std::move(soups)}});
}

std::string soup_curve_text(const SoupCurveStudy& study, std::size_t width) {
  std::vector<TextColumn> columns{{"method", false}, {"models", true}, {"ingredients", true}};
  for (const SoupCurveStudy::Set& set : study.sets) columns.push_back({printable(set.name), true});
  TextTable table(columns);
  for (const SubsetMethod method : kMethods)
    for (const std::size_t size : study.sizes) {
      std::vector<std::string> row{std::string(name_of(method)), std::to_string(size),
                                   fixed(spread_of(study, method, size, 0).members, 1)};
      for (std::size_t set = 0; set < study.sets.size(); ++set) {
        const Spread spread = spread_of(study, method, size, set);
        row.push_back(fixed(spread.mean, 2) +
                      (spread.interval
                           ? " +- " + fixed((spread.interval->high - spread.interval->low) / 2, 2)
                           : ""));
      }
      table.add(row);
    }
  return table.text(width) + "\n  percent, mean over " + std::to_string(study.repeats) +
         " random orders of " + std::to_string(study.models.size()) +
         " models +- half of its 95 % interval\n";
}

std::string soup_curve_page(const SoupCurveStudy& study) {
  AnalysisPage page;
  page.command = "stockpot soup curve";
  page.title = "What the number of models buys";
  page.subtitle = std::to_string(study.models.size()) + " models in " +
                  std::to_string(study.repeats) + " random orders, seed " +
                  std::to_string(study.seed);
  std::string figures;
  for (std::size_t set = 0; set < study.sets.size(); ++set) figures += figure(study, set);
  page.sections.push_back({"curves", "By set", figures});
  page.sections.push_back({"numbers", "Numbers", preformatted(soup_curve_text(study, kTextWidth))});
  return analysis_html(page);
}

}  // namespace stockpot::cli
