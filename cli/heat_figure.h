// Values of a grid as colours, with lines of equal height and marked places, as an SVG element: no
// script.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace stockpot::cli {

// Units of the grid: (0, 0) is the middle of the first cell, y runs upwards.
struct HeatPlace {
  double x = 0, y = 0;
};

struct HeatMark {
  HeatPlace place;
  std::string label;
};

struct HeatFigure {
  std::string caption, x_label, y_label;  // plain text
  std::int64_t columns = 0, rows = 0;
  std::vector<double> values;     // row by row, from below; not finite: blank
  std::vector<std::string> tips;  // one a value, or none
  double low = 0, high = 1;       // values of the ends of the colour scale
  std::vector<HeatMark> marks;
  std::vector<std::pair<HeatPlace, HeatPlace>> contours;
  // Numbers on the axes: the value at (0, 0) and a step; not drawn when the step is 0.
  double left = 0, bottom = 0, step = 0;
};

// <figure><svg/><figcaption/></figure>.
std::string figure_html(const HeatFigure& figure);

}  // namespace stockpot::cli
