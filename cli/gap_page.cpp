#include "cli/gap_page.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cli/analysis_page.h"
#include "cli/line_figure.h"
#include "stockpot/base/text.h"

namespace stockpot::cli {
namespace {

using namespace landscape;

constexpr std::size_t kTextWidth = 150;

std::string scatter(const GapStudy& study, std::size_t set) {
  LineFigure figure;
  figure.caption = "Loss of the soup minus loss of the ensemble on " + printable(study.sets[set]) +
                   ": what the approximation predicts against what was measured. Below zero the "
                   "soup is better; on the dashed line both are equal.";
  figure.x_label = "predicted";
  figure.y_label = "measured";
  FigureLine right, wrong, close, same;
  right.label = "advice right";
  right.colour = "good";
  wrong.label = "advice wrong";
  wrong.colour = "bad";
  close.label = "within two standard errors";
  close.colour = "search";
  right.joined = wrong.joined = close.joined = false;
  double low = 0, high = 0;
  for (const PairGap& pair : study.pairs) {
    const SoupGap& gap = pair.sets[set];
    FigureLine& line = !gap.clear() ? close : gap.right() ? right : wrong;
    line.points.emplace_back(gap.predicted(), gap.measured());
    line.tips.push_back(study.names[pair.i] + " + " + study.names[pair.j] + ": predicted " +
                        fixed(gap.predicted(), 4) + ", measured " + fixed(gap.measured(), 4));
    for (const double value : {gap.predicted(), gap.measured()})
      if (std::isfinite(value)) low = std::min(low, value), high = std::max(high, value);
  }
  same.label = "equal";
  same.colour = "soft";
  same.dashed = true;
  same.marks = false;
  same.points = {{low, low}, {high, high}};
  figure.lines = {right, wrong, close, same};
  return figure_html(figure);
}

}  // namespace

std::string gap_page(const GapStudy& study) {
  AnalysisPage page;
  page.command = "stockpot gap";
  page.title = "Soup or ensemble?";
  page.subtitle = std::to_string(study.pairs.size()) +
                  " pairs of models; a soup costs one forward pass a picture, an ensemble two";
  std::string figures;
  for (std::size_t set = 0; set < study.sets.size(); ++set) {
    const GapAgreement sums = study.agreement(set);
    page.sentences.push_back("On " + printable(study.sets[set]) + " the advice was right for " +
                             std::to_string(sums.right) + " of " + std::to_string(sums.pairs) +
                             " pairs, and for " + std::to_string(sums.right_clear) + " of the " +
                             std::to_string(sums.clear) +
                             " whose difference is more than two standard errors.");
    figures += scatter(study, set);
  }
  page.sections.push_back({"gap", "Predicted against measured", figures});
  page.sections.push_back({"table", "Numbers", preformatted(gap_text(study, kTextWidth))});
  return analysis_html(page);
}

}  // namespace stockpot::cli
