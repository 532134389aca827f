#include "stockpot/landscape/plane.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/tensor_role.h"
#include "stockpot/compare/gram.h"

namespace stockpot::landscape {
namespace {

constexpr double kLeastSine = 1e-3;

}  // namespace

Triangle measure_triangle(const Checkpoint& a, const Checkpoint& b, const Checkpoint& c) {
  Triangle triangle;
  for (const TensorView& tensor : a.tensors()) {
    if (!row(tensor.dtype).floating || is_running_mean(tensor.name) ||
        is_running_variance(tensor.name))
      continue;
    const TensorView* const others[] = {&b.at(tensor.name), &c.at(tensor.name)};
    const TensorGram gram(others, &tensor);
    triangle.ab += gram.task_product(0, 0);
    triangle.ac += gram.task_product(1, 1);
    triangle.bc += gram.squared_distance(0, 1);
  }
  return triangle;
}

PlaneFrame::PlaneFrame(const Triangle& triangle) {
  const double ab = std::sqrt(triangle.ab), ac = std::sqrt(triangle.ac);
  if (!(triangle.ab > 0)) throw UsageError("A and B have the same weights: they span no plane");
  if (!(triangle.ac > 0)) throw UsageError("A and C have the same weights: they span no plane");
  if (!(triangle.bc > 0)) throw UsageError("B and C have the same weights: they span no plane");
  // <B - A, C - A> by the law of cosines.
  const double inner = (triangle.ab + triangle.ac - triangle.bc) / 2;
  const double x = inner / ab;
  const double y = std::sqrt(std::max(0.0, triangle.ac - x * x));
  if (!(y > kLeastSine * ac))
    throw UsageError("the three models lie on a line: the angle at A is " +
                     significant(std::atan2(y, x) * 180 / std::numbers::pi, 3) +
                     " degrees; name three that span a plane");
  anchors_ = {PlanePoint{0, 0}, PlanePoint{ab, 0}, PlanePoint{x, y}};
}

PlanePoint PlaneFrame::centroid() const {
  return {(anchors_[1].x + anchors_[2].x) / 3, anchors_[2].y / 3};
}

double PlaneFrame::angle() const {
  return std::atan2(anchors_[2].y, anchors_[2].x) * 180 / std::numbers::pi;
}

std::array<double, 3> PlaneFrame::weights(PlanePoint point) const {
  for (std::size_t i = 0; i < 3; ++i)
    if (point == anchors_[i]) return {i == 0 ? 1.0 : 0.0, i == 1 ? 1.0 : 0.0, i == 2 ? 1.0 : 0.0};
  if (point == centroid()) return {1.0 / 3, 1.0 / 3, 1.0 / 3};
  const double c = point.y / anchors_[2].y;
  const double b = (point.x - c * anchors_[2].x) / anchors_[1].x;
  return {1 - b - c, b, c};
}

PlaneGrid PlaneGrid::around(const PlaneFrame& frame, std::int64_t points, double margin) {
  double left = 0, right = 0, bottom = 0, top = 0;
  for (const PlanePoint& anchor : frame.anchors()) {
    left = std::min(left, anchor.x);
    right = std::max(right, anchor.x);
    top = std::max(top, anchor.y);
  }
  const double room = margin * std::max(right - left, top - bottom);
  left -= room;
  right += room;
  bottom -= room;
  top += room;
  PlaneGrid grid;
  grid.left = left;
  grid.bottom = bottom;
  grid.step = std::max(right - left, top - bottom) / static_cast<double>(points - 1);
  const auto count = [&](double extent) {
    return std::max<std::int64_t>(2, std::llround(std::ceil(extent / grid.step - 1e-9)) + 1);
  };
  grid.columns = count(right - left);
  grid.rows = count(top - bottom);
  return grid;
}

PlanePoint PlaneGrid::at(std::int64_t index) const {
  return {left + step * static_cast<double>(index % columns),
          bottom + step * static_cast<double>(index / columns)};
}

const MeasuredPoint& best_point(const Plane& plane, std::size_t set, bool by_loss) {
  const auto value = [&](const MeasuredPoint& point) {
    const double number = by_loss ? point.scores[set].loss : point.scores[set].error;
    return std::isnan(number) ? std::numeric_limits<double>::infinity() : number;
  };
  return *std::ranges::min_element(plane.points, {}, value);
}

std::vector<ContourPiece> contour(const std::vector<double>& values, std::int64_t columns,
                                  double height) {
  std::vector<ContourPiece> pieces;
  const auto rows = static_cast<std::int64_t>(values.size()) / columns;
  const auto at = [&](std::int64_t x, std::int64_t y) {
    return values[static_cast<std::size_t>(y * columns + x)];
  };
  for (std::int64_t y = 0; y + 1 < rows; ++y)
    for (std::int64_t x = 0; x + 1 < columns; ++x) {
      // Corners in their order around the cell; crossings of its four sides.
      const std::array<double, 4> corner = {at(x, y), at(x + 1, y), at(x + 1, y + 1), at(x, y + 1)};
      if (!std::ranges::all_of(corner, [](double value) { return std::isfinite(value); })) continue;
      constexpr std::array<PlanePoint, 4> kPlace = {{{0, 0}, {1, 0}, {1, 1}, {0, 1}}};
      std::vector<PlanePoint> crossings;
      for (std::size_t side = 0; side < 4; ++side) {
        const std::size_t next = (side + 1) % 4;
        if ((corner[side] < height) == (corner[next] < height)) continue;
        const double share = (height - corner[side]) / (corner[next] - corner[side]);
        crossings.push_back(
            {static_cast<double>(x) + kPlace[side].x + share * (kPlace[next].x - kPlace[side].x),
             static_cast<double>(y) + kPlace[side].y + share * (kPlace[next].y - kPlace[side].y)});
      }
      // A saddle has four. When the middle goes with corner 0, the pieces cut off corners 1 and 3.
      const double middle = (corner[0] + corner[1] + corner[2] + corner[3]) / 4;
      if (crossings.size() == 4 && (middle < height) != (corner[0] < height))
        std::ranges::rotate(crossings, crossings.begin() + 1);
      for (std::size_t i = 0; i + 1 < crossings.size(); i += 2)
        pieces.push_back({crossings[i], crossings[i + 1]});
    }
  return pieces;
}

}  // namespace stockpot::landscape
