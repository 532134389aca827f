#include "cli/plane_page.h"

#include <algorithm>
#include <cmath>

#include "cli/analysis_page.h"
#include "cli/heat_figure.h"
#include "stockpot/base/text.h"

namespace stockpot::cli {
namespace {

using namespace landscape;

constexpr std::size_t kTextWidth = 140;
constexpr int kContours = 9;

// One map: what is drawn of a point.
struct Map {
  std::string title, unit;
  double (*value)(const Plane& plane, const MeasuredPoint& point, std::size_t set);
};

double error_of(const Plane&, const MeasuredPoint& point, std::size_t set) {
  return 100 * point.scores[set].error;
}
double loss_of(const Plane&, const MeasuredPoint& point, std::size_t set) {
  return point.scores[set].loss;
}
double mean_ood_error(const Plane& plane, const MeasuredPoint& point, std::size_t) {
  double sum = 0;
  for (const std::size_t set : plane.ood) sum += 100 * point.scores[set].error;
  return sum / static_cast<double>(plane.ood.size());
}

HeatPlace in_cells(const PlaneGrid& grid, PlanePoint place) {
  return {(place.x - grid.left) / grid.step, (place.y - grid.bottom) / grid.step};
}

// Losses explode at the rim of the map; the scale ends where nine of ten points lie, so that the
// basin can be seen.
std::pair<double, double> range_of(const std::vector<double>& values) {
  std::vector<double> finite;
  for (const double value : values)
    if (std::isfinite(value)) finite.push_back(value);
  if (finite.empty()) return {0, 1};
  std::ranges::sort(finite);
  const double low = finite.front(), high = finite[(finite.size() - 1) * 9 / 10];
  return {low, high > low ? high : finite.back() > low ? finite.back() : low + 1};
}

std::string map_html(const Plane& plane, const Map& map, std::size_t set) {
  HeatFigure figure;
  figure.columns = plane.grid.columns;
  figure.rows = plane.grid.rows;
  for (const MeasuredPoint& point : plane.points) {
    figure.values.push_back(map.value(plane, point, set));
    figure.tips.push_back(significant(point.place.x, 3) + ", " + significant(point.place.y, 3) +
                          ": " + significant(figure.values.back(), 4) + map.unit);
  }
  std::tie(figure.low, figure.high) = range_of(figure.values);
  for (int i = 1; i <= kContours; ++i)
    for (const ContourPiece& piece :
         contour(figure.values, figure.columns,
                 figure.low + (figure.high - figure.low) * i / (kContours + 1)))
      figure.contours.push_back({{piece.from.x, piece.from.y}, {piece.to.x, piece.to.y}});
  std::string marked;
  for (const MeasuredPoint& anchor : plane.anchors) {
    const std::string value = significant(map.value(plane, anchor, set), 4) + map.unit;
    figure.marks.push_back({in_cells(plane.grid, anchor.place), anchor.name + " " + value});
  }
  figure.caption = map.title +
                   "; distances are those of the weights; the scale ends where nine of ten points "
                   "of the grid lie.";
  figure.x_label = "from " + plane.names[0] + " towards " + plane.names[1];
  figure.y_label = "orthogonal, towards " + plane.names[2];
  figure.left = plane.grid.left;
  figure.bottom = plane.grid.bottom;
  figure.step = plane.grid.step;
  return figure_html(figure);
}

}  // namespace

std::string plane_page(const Plane& plane) {
  AnalysisPage page;
  page.command = "stockpot plane";
  page.title = "The plane through three models";
  page.subtitle = plane.names[0] + ", " + plane.names[1] + " and " + plane.names[2];
  std::string errors, losses;
  for (std::size_t set = 0; set < plane.sets.size(); ++set) {
    const std::string name = printable(plane.sets[set]);
    errors += map_html(plane, {"Error on " + name + " in %", " %", error_of}, set);
    losses += map_html(plane, {"Loss on " + name, "", loss_of}, set);
  }
  if (plane.ood.size() > 1)
    errors += map_html(plane, {"Mean error over the OOD sets in %", " %", mean_ood_error}, 0);
  page.sections.push_back({"errors", "Error", errors});
  page.sections.push_back({"losses", "Loss", losses});
  page.sections.push_back({"table", "Numbers", preformatted(plane_text(plane, kTextWidth))});
  return analysis_html(page);
}

}  // namespace stockpot::cli
