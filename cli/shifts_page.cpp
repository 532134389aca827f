#include "cli/shifts_page.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cli/analysis_page.h"
#include "cli/line_figure.h"
#include "stockpot/base/text.h"

namespace stockpot::cli {
namespace {

using namespace landscape;

constexpr std::size_t kTextWidth = 140;

std::string percent(double share) {
  return std::isfinite(share) ? fixed(100 * share, 2) + " %" : "-";
}

// Round percentages, about six between the least and the largest accuracy of a list.
std::vector<FigureTick> ticks(AxisScale scale, const std::vector<double>& shares) {
  double low = 1, high = 0;
  for (const double share : shares)
    if (std::isfinite(share)) low = std::min(low, share), high = std::max(high, share);
  double step = 0.001;
  for (const double wider : {0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2})
    if (high - low > 6 * step) step = wider;
  std::vector<FigureTick> list;
  for (double place = std::floor(low / step); place * step <= high + step; ++place)
    if (const double share = place * step; share > 0 && share < 1)
      list.emplace_back(scaled(scale, share), significant(100 * share, 4));
  return list;
}

struct Group {
  const char *label, *colour;
  bool (*holds)(const ShiftModel&);
};
constexpr Group kGroups[] = {
    {"single models", "search", [](const ShiftModel& model) { return model.single; }},
    {"soups", "soup", [](const ShiftModel& model) { return model.kind == "soup"; }},
    {"ensembles", "ensemble", [](const ShiftModel& model) { return model.kind == "ensemble"; }},
    {"others", "zero_shot",
     [](const ShiftModel& model) {
       return !model.single && model.kind != "soup" && model.kind != "ensemble";
     }},
};

std::string scatter(const ShiftStudy& study, const SetShift& shift) {
  LineFigure figure;
  const std::string name = shift.set.empty() ? "mean of the OOD sets" : printable(shift.set);
  figure.caption = "Accuracy on " + printable(study.table.id_set) + " against " + name + ", " +
                   std::string(name_of(study.scale)) +
                   " axes in %; the line is fitted through the single models.";
  figure.x_label = printable(study.table.id_set) + " (%)";
  figure.y_label = name + " (%)";
  std::vector<double> id;
  for (const ShiftModel& model : study.table.models) id.push_back(model.id.accuracy);
  figure.x_ticks = ticks(study.scale, id);
  figure.y_ticks = ticks(study.scale, shift.accuracy);
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const Group& group : kGroups) {
    FigureLine line;
    line.label = group.label;
    line.colour = group.colour;
    line.joined = false;
    for (std::size_t i = 0; i < study.table.models.size(); ++i) {
      const ShiftModel& model = study.table.models[i];
      if (!group.holds(model)) continue;
      const double x = scaled(study.scale, model.id.accuracy);
      line.points.emplace_back(x, scaled(study.scale, shift.accuracy[i]));
      line.tips.push_back(printable(model.name) + ": ID " + percent(model.id.accuracy) + ", OOD " +
                          percent(shift.accuracy[i]) + ", effective robustness " +
                          percent(shift.effective[i]));
      if (std::isfinite(x)) low = std::min(low, x), high = std::max(high, x);
    }
    if (!line.points.empty()) figure.lines.push_back(std::move(line));
  }
  if (shift.line && high > low) {
    FigureLine line;
    line.label = "fitted";
    line.colour = "soft";
    line.dashed = true;
    line.marks = false;
    line.points = {{low, shift.line->at(low)}, {high, shift.line->at(high)}};
    figure.lines.push_back(std::move(line));
  }
  return figure_html(figure);
}

std::string drop_figure(const ShiftStudy& study) {
  LineFigure figure;
  figure.caption = "Learning rate against the drop from ID to OOD accuracy, in points.";
  figure.x_label = "learning rate";
  figure.y_label = "drop (points)";
  figure.log_x = true;
  FigureLine runs, means;
  runs.label = "runs";
  runs.colour = "search";
  runs.joined = false;
  for (std::size_t i = 0; i < study.table.models.size(); ++i) {
    const ShiftModel& model = study.table.models[i];
    if (!model.single || !model.learning_rate) continue;
    const double drop = model.id.accuracy - study.mean_ood(i);
    runs.points.emplace_back(*model.learning_rate, 100 * drop);
    runs.tips.push_back(printable(model.name) + ": rate " + significant(*model.learning_rate, 3) +
                        ", drop " + percent(drop));
  }
  means.label = "means of half decades";
  means.colour = "ft";
  for (const RateBin& bin : study.rates->bins)
    means.points.emplace_back(std::pow(10, bin.low + 0.25), 100 * (bin.id - bin.ood));
  figure.lines = {runs, means};
  return figure_html(figure);
}

}  // namespace

std::string shifts_page(const ShiftStudy& study) {
  AnalysisPage page;
  page.command = "stockpot shifts";
  page.title = "In distribution against out of distribution";
  page.subtitle = std::to_string(study.table.models.size()) +
                  " models; effective robustness is what a model has above the line that ID "
                  "accuracy explains (Taori et al. 2020)";
  page.sentences = reading(study);
  std::string figures;
  for (const SetShift& shift : study.sets) figures += scatter(study, shift);
  page.sections.push_back({"shifts", "ID against OOD", figures});
  if (study.rates) page.sections.push_back({"rates", "Learning rate", drop_figure(study)});
  page.sections.push_back({"table", "Numbers", preformatted(shifts_text(study, kTextWidth, 500))});
  return analysis_html(page);
}

}  // namespace stockpot::cli
