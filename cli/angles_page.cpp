#include "cli/angles_page.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "cli/analysis_page.h"
#include "cli/heat_figure.h"
#include "cli/line_figure.h"
#include "stockpot/base/text.h"

namespace stockpot::cli {
namespace {

using namespace landscape;

constexpr std::size_t kTextWidth = 140;
// More cells make a page that no browser opens gladly.
constexpr std::size_t kMostInMap = 96;

std::string cosine_map(const TaskAngles& angles) {
  HeatFigure figure;
  const std::size_t k = std::min(angles.names.size(), kMostInMap);
  figure.caption = "Cosines between task vectors, in the order of the table, from below";
  figure.caption += k < angles.names.size()
                        ? ": the first " + std::to_string(k) + " models; angles.json has all."
                        : ".";
  figure.x_label = figure.y_label = "model";
  figure.columns = figure.rows = static_cast<std::int64_t>(k);
  double low = 1;
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t j = 0; j < k; ++j) {
      const double cosine = angles.whole.cosine(i, j);
      figure.values.push_back(cosine);
      figure.tips.push_back(angles.names[i] + ", " + angles.names[j] + ": " +
                            (std::isfinite(cosine) ? fixed(cosine, 3) : std::string("-")));
      if (std::isfinite(cosine)) low = std::min(low, cosine);
    }
  figure.low = low < 1 ? low : 0;
  figure.left = figure.bottom = 1;
  figure.step = 1;
  return figure_html(figure);
}

std::string block_figure(const TaskAngles& angles) {
  LineFigure figure;
  figure.caption = "Angles between task vectors by block, over all pairs of models.";
  figure.x_label = "block, in the order of the table";
  figure.y_label = "angle (degrees)";
  FigureLine median, least, most;
  median.label = "median";
  median.colour = "lpft";
  least.label = "least";
  least.colour = "lp";
  most.label = "most";
  most.colour = "ft";
  least.dashed = most.dashed = true;
  for (std::size_t i = 0; i < angles.blocks.size(); ++i) {
    const AngleSpread pairs = spread(angles.blocks[i].gram);
    const auto x = static_cast<double>(i + 1);
    const std::string name = printable(angles.blocks[i].name) + ": ";
    least.points.emplace_back(x, pairs.least);
    least.tips.push_back(name + fixed(pairs.least, 1));
    median.points.emplace_back(x, pairs.median);
    median.tips.push_back(name + fixed(pairs.median, 1));
    most.points.emplace_back(x, pairs.most);
    most.tips.push_back(name + fixed(pairs.most, 1));
  }
  figure.lines = {median, least, most};
  return figure_html(figure);
}

std::string gain_figure(const TaskAngles& angles, const GainStudy& gains, std::size_t set) {
  constexpr std::array kColours = {"lp", "ft", "lpft", "soup", "ensemble", "zero_shot"};
  LineFigure figure;
  const std::string rank =
      std::isfinite(gains.rank[set]) ? fixed(gains.rank[set], 3) : std::string("not defined");
  figure.caption = "Angle between two task vectors against what their mean gains on " +
                   printable(gains.sets[set]) +
                   ": its accuracy minus the mean of theirs. Rank correlation " + rank + ".";
  figure.x_label = "angle (degrees)";
  figure.y_label = "gain (points)";
  FigureLine line;
  line.label = printable(gains.sets[set]);
  line.colour = kColours[set % kColours.size()];
  line.joined = false;
  for (const PairGain& pair : gains.pairs) {
    line.points.emplace_back(pair.angle, 100 * pair.gains[set]);
    line.tips.push_back(angles.names[pair.i] + " + " + angles.names[pair.j] + ": " +
                        fixed(pair.angle, 1) + " degrees, " + fixed(100 * pair.gains[set], 2) +
                        " points");
  }
  figure.lines = {line};
  return figure_html(figure);
}

}  // namespace

std::string angles_page(const TaskAngles& angles, const GainStudy* gains) {
  AnalysisPage page;
  page.command = "stockpot angles";
  page.title = "Where the models lie, seen from their start";
  page.subtitle = std::to_string(angles.names.size()) + " models fine-tuned from " +
                  printable(angles.base.string());
  page.sections.push_back({"cosines", "Task vectors", cosine_map(angles)});
  page.sections.push_back({"blocks", "By block", block_figure(angles)});
  if (gains != nullptr) {
    std::string figures;
    for (std::size_t set = 0; set < gains->sets.size(); ++set)
      figures += gain_figure(angles, *gains, set);
    page.sections.push_back({"gains", "Angle against gain", figures});
  }
  page.sections.push_back(
      {"table", "Numbers", preformatted(angles_text(angles, gains, kTextWidth))});
  return analysis_html(page);
}

}  // namespace stockpot::cli
