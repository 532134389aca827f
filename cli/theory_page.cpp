#include "cli/theory_page.h"

#include <algorithm>
#include <string_view>

#include "cli/analysis_page.h"
#include "cli/line_figure.h"
#include "stockpot/report/html_parts.h"
#include "stockpot/theory/study_text.h"

namespace stockpot::cli {
namespace {

using namespace theory;

constexpr std::string_view kFigureCss =
    "figure.lines { margin: 0 0 18px; max-width: 860px; }\n"
    "figure.lines svg { display: block; width: 100%; height: auto; background: var(--card);\n"
    "  border: 1px solid var(--line); border-radius: 10px; }\n"
    "figure.lines text { font-size: 13px; fill: var(--soft); }\n"
    "figure.lines figcaption { margin-top: 6px; font-size: 14px; color: var(--soft); }\n"
    ".theory td, .theory th { text-align: right; white-space: nowrap; }\n";

// Under this a loss is rounding or nearly so; the figures end there.
constexpr double kFloor = 1e-8;

std::string colour(Method method) {
  return method == Method::lp ? "lp" : method == Method::ft ? "ft" : "lpft";
}

double varied(const Point& point, StudyPreset preset) {
  if (preset == StudyPreset::eps) return point.options.eps;
  if (preset == StudyPreset::alignment) return point.options.phi.value_or(0);
  return static_cast<double>(point.options.dimension);
}

std::string varied_name(StudyPreset preset) {
  if (preset == StudyPreset::eps) return "feature quality eps";
  if (preset == StudyPreset::alignment) return "head alignment error phi";
  return "dimension d";
}

std::string sweep_figure(const Sweep& sweep) {
  LineFigure figure;
  figure.caption =
      "Mean OOD loss at the end of training. Bound: the square of the largest right-hand side of "
      "Theorem 3.1, where it is positive.";
  figure.x_label = varied_name(sweep.preset);
  figure.y_label = "OOD loss";
  figure.log_x = sweep.preset != StudyPreset::alignment;
  figure.log_y = true;
  figure.floor = kFloor;
  for (const Method method : kMethods) {
    FigureLine line;
    line.label = name_of(method);
    line.colour = colour(method);
    for (const Point& point : sweep.points)
      line.points.emplace_back(varied(point, sweep.preset), point.mean_ood(method));
    figure.lines.push_back(std::move(line));
  }
  FigureLine bound;
  bound.label = "bound for FT";
  bound.colour = "soft";
  bound.dashed = true;
  for (const Point& point : sweep.points) {
    double most = 0;
    for (const Run& run : point.runs) most = std::max(most, run.geometry.bound);
    if (most > 0) bound.points.emplace_back(varied(point, sweep.preset), most * most);
  }
  figure.lines.push_back(std::move(bound));
  return figure_html(figure);
}

std::string toy_figure(const std::vector<ToyRow>& rows) {
  LineFigure figure;
  figure.caption =
      "Where fine-tuning ends in the toy, against the head it starts from; the true head is 1. "
      "Heads below -cos 30 end with the wrong sign.";
  figure.x_label = "first head v0";
  figure.y_label = "OOD loss";
  FigureLine right, wrong, flow;
  right.label = "closed form";
  wrong.label = "closed form, wrong sign";
  right.colour = "ft";
  wrong.colour = "soft";
  right.marks = wrong.marks = false;
  for (int i = -160; i <= 160; ++i) {
    const ToyPoint end = toy_limit(i / 50.0);
    (end.head > 0 ? right : wrong).points.emplace_back(i / 50.0, end.ood);
  }
  flow.label = "flow";
  flow.colour = "ink";
  flow.joined = false;
  for (const ToyRow& row : rows) flow.points.emplace_back(row.start, row.by_flow.ood);
  figure.lines = {right, wrong, flow};
  return figure_html(figure);
}

std::string time_figure(const TimeStudy& study, bool ood) {
  LineFigure figure;
  figure.caption = ood ? "Mean OOD loss along training; t is the time of the gradient flow."
                       : "Mean ID loss along training.";
  figure.x_label = "time t";
  figure.y_label = ood ? "OOD loss" : "ID loss";
  figure.log_x = figure.log_y = true;
  figure.floor = kFloor;
  for (const Method method : kMethods) {
    FigureLine line;
    line.label = name_of(method);
    line.colour = colour(method);
    line.marks = false;
    const auto& curve = (ood ? study.ood : study.id)[static_cast<std::size_t>(method)];
    for (std::size_t i = 0; i < study.times.size(); ++i)
      line.points.emplace_back(study.times[i], curve[i]);
    figure.lines.push_back(std::move(line));
  }
  return figure_html(figure);
}

std::string figures_for(const std::string& id, const Study& study) {
  if (id == name_of(StudyPreset::toy)) return toy_figure(study.toy);
  for (const Sweep& sweep : study.sweeps)
    if (id == name_of(sweep.preset)) return sweep_figure(sweep);
  if (id != name_of(StudyPreset::time)) return "";
  return time_figure(study.time.front(), true) + time_figure(study.time.front(), false);
}

std::string table_html(const StudyTable& table) {
  std::string rows = "<tr>";
  for (const std::string& column : table.columns) rows += "<th>" + html(column) + "</th>";
  std::string text =
      "<div class=\"scroll\"><table class=\"theory\">\n<thead>" + rows + "</tr></thead>\n<tbody>\n";
  for (const std::vector<std::string>& row : table.rows) {
    text += "<tr>";
    for (const std::string& cell : row) text += "<td>" + html(cell) + "</td>";
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n<p class=\"note\">" + html(table.note) + "</p>\n";
}

std::string heading(const std::string& id) {
  if (id == "toy") return "The toy";
  if (id == "eps") return "Feature quality";
  if (id == "alignment") return "Head alignment";
  if (id == "dimension") return "Dimension";
  if (id == "time") return "Time";
  return "Gradient descent";
}

}  // namespace

std::string theory_page(const Study& study) {
  AnalysisPage page;
  page.command = "stockpot theory";
  page.title = "Why fine-tuning can lose out of distribution";
  page.subtitle =
      "The two-layer linear network of Kumar et al. 2022: linear probing (LP), fine-tuning (FT) "
      "and LP-FT, to the end of training in double precision";
  std::string body = reading_section(reading(study));
  for (const StudyTable& table : tables(study))
    body += section(
        table.id, heading(table.id),
        "<p>" + html(table.title) + ".</p>\n" + figures_for(table.id, study) + table_html(table));
  return page_around(page, kFigureCss, body);
}

}  // namespace stockpot::cli
