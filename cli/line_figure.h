// Lines over one axis as an SVG element: no script, colours from the variables of report.css.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stockpot::cli {

struct FigureLine {
  std::string label;   // empty: not in the legend
  std::string colour;  // of report.css, without dashes: "lp", "ft", "lpft", "soft"
  std::vector<std::pair<double, double>> points;
  bool dashed = false;
  bool joined = true;                  // by straight lines, in their order
  bool marks = true;                   // a dot a point, with its numbers as tooltip
  std::vector<std::string> tips = {};  // one a point, instead of its numbers; may be empty
};

// A place on an axis and what stands there.
using FigureTick = std::pair<double, std::string>;

struct LineFigure {
  std::string caption, x_label, y_label;  // plain text
  bool log_x = false, log_y = false;      // points that are not positive are left out
  std::optional<double> floor;            // smaller y lie on the floor
  std::vector<FigureLine> lines;
  std::vector<FigureTick> x_ticks = {}, y_ticks = {};  // instead of round numbers
};

// <figure><svg/><figcaption/></figure>, or "" when no line has a point.
std::string figure_html(const LineFigure& figure);

}  // namespace stockpot::cli
