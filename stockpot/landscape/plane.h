// The plane through three models in weight space, and what was measured on it (Garipov et al.
// 2018; Wortsman et al. 2022, section 3.3). A point of the plane is A + x u1 + y u2, with u1 the
// direction from A to B and u2 the part of the direction from A to C that is orthogonal to it, both
// of length 1: distances on the plane are distances of weights. Every point is a combination
// of the three models whose weights add up to 1, so that no basis vector is ever stored.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/checkpoint/checkpoint.h"

namespace stockpot::landscape {

struct PlanePoint {
  double x = 0, y = 0;
  bool operator==(const PlanePoint&) const = default;
};

// Squared distances of three models.
struct Triangle {
  double ab = 0, ac = 0, bc = 0;
};

// Over the floating-point tensors but BatchNorm's running statistics, in fp64 (compare/gram.h). The
// models must have the same tensors: Mixtures saw to that.
Triangle measure_triangle(const Checkpoint& a, const Checkpoint& b, const Checkpoint& c);

class PlaneFrame {
 public:
  // Throws UsageError naming the angle when the three models lie on a line (sine below 1e-3), and
  // naming the two when models are equal.
  explicit PlaneFrame(const Triangle& triangle);

  // A (0, 0), B (|B - A|, 0), C (x, y) with y > 0.
  const std::array<PlanePoint, 3>& anchors() const { return anchors_; }
  PlanePoint centroid() const;  // the uniform soup of the three
  double angle() const;         // at A, in degrees
  // Of A, B and C; they add up to 1. At an anchor exactly 1 for it and 0 for the others.
  std::array<double, 3> weights(PlanePoint point) const;

 private:
  std::array<PlanePoint, 3> anchors_;
};

// Points in rows and columns, as far from each other in x as in y, around the three models.
struct PlaneGrid {
  double left = 0, bottom = 0, step = 0;
  std::int64_t columns = 0, rows = 0;

  // `points`: along the longer side; `margin`: room around the models, over that side.
  static PlaneGrid around(const PlaneFrame& frame, std::int64_t points, double margin);
  std::int64_t size() const { return columns * rows; }
  PlanePoint at(std::int64_t index) const;  // row by row, from below, each from the left
};

// What a model says about one set.
struct PlaneScore {
  double error = 0;  // 1 - accuracy
  double loss = 0;   // mean negative log-likelihood; NaN when a logit is
};

struct MeasuredPoint {
  std::string name;  // of a model or the soup; empty on the grid
  PlanePoint place;
  std::vector<PlaneScore> scores;  // one a set
};

struct Plane {
  std::array<std::string, 3> names;
  std::array<std::string, 3> paths;
  PlaneFrame frame;
  PlaneGrid grid;
  std::vector<std::string> sets;
  std::vector<std::size_t> ood;        // which of them are OOD: their mean error is a map too
  std::vector<MeasuredPoint> anchors;  // the three models and their uniform soup
  std::vector<MeasuredPoint> points;   // the grid, in its order
  std::vector<std::string> notes;
};

// The measured point of the grid that is best on a set, by error or by loss.
const MeasuredPoint& best_point(const Plane& plane, std::size_t set, bool by_loss);

std::string plane_text(const Plane& plane, std::size_t width);
// The document of docs/analyses.md.
Json to_json(const Plane& plane);

// Lines of equal height of a grid of values (columns running fastest), by marching squares: pieces
// of them, in units of the grid. Cells with a value that is not finite have none.
struct ContourPiece {
  PlanePoint from, to;
};
std::vector<ContourPiece> contour(const std::vector<double>& values, std::int64_t columns,
                                  double height);

}  // namespace stockpot::landscape
