// The penalties of a path that are solved one after the other, and what they predict for the
// others.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "stockpot/train/curvature.h"
#include "stockpot/train/gram_metric.h"

namespace stockpot {

struct PathNode {
  std::size_t index = 0;  // into the path
  double log_c = 0;
  double curvature = 0;  // rho of the metric
  Coefficients coefficients;
  CurvatureHistory history;
};

// Which penalties of an increasing path are nodes: the first, the last, and between them as few
// as leave no two neighbours further apart than by a factor of `ratio`, unless the path has
// none between them.
std::vector<std::size_t> choose_nodes(const std::vector<double>& c, double ratio);

// At a penalty c: among the polynomials in log c through the last 1, 2, ... of these nodes
// (nearest last, at least one) the one that changes least, in the metric, from that before it.
Coefficients predict(std::span<const PathNode* const> nodes, double c, const GramMetric& metric,
                     double ridge, std::int64_t classes);

}  // namespace stockpot
