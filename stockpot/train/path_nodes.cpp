#include "stockpot/train/path_nodes.h"

#include <cmath>
#include <limits>

namespace stockpot {
namespace {

// The polynomial through the nodes, by Lagrange's weights.
Coefficients polynomial(std::span<const PathNode* const> nodes, double log_c) {
  Coefficients sum(nodes[0]->coefficients.size(), 0.0);
  for (const PathNode* node : nodes) {
    double weight = 1;
    for (const PathNode* other : nodes)
      if (other != node) weight *= (log_c - other->log_c) / (node->log_c - other->log_c);
    add_scaled(static_cast<std::int64_t>(sum.size()), weight, node->coefficients.data(),
               sum.data());
  }
  return sum;
}

}  // namespace

std::vector<std::size_t> choose_nodes(const std::vector<double>& c, double ratio) {
  std::vector<std::size_t> nodes;
  for (std::size_t i = 0; i < c.size();) {
    nodes.push_back(i);
    std::size_t next = i + 1;
    while (next + 1 < c.size() && c[next + 1] <= ratio * c[i]) ++next;
    i = next;
  }
  return nodes;
}

Coefficients predict(std::span<const PathNode* const> nodes, double c, const GramMetric& metric,
                     double ridge, std::int64_t classes) {
  Coefficients previous = nodes.back()->coefficients, best = previous;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t count = 2; count <= nodes.size(); ++count) {
    Coefficients next = polynomial(nodes.last(count), std::log(c));
    Coefficients change = next;
    add_scaled(static_cast<std::int64_t>(change.size()), -1.0, previous.data(), change.data());
    const double size = metric.squared_norm(c * nodes.back()->curvature, ridge, classes, change);
    if (size < least) {
      least = size;
      best = next;
    }
    previous = std::move(next);
  }
  return best;
}

}  // namespace stockpot
