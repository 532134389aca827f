#include "stockpot/train/path_nodes.h"

#include <cmath>
#include <utility>

#include "stockpot/model/blocks.h"

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
  // By the number of nodes, from one on.
  std::vector<Coefficients> by_count(nodes.size());
  std::vector<double> change(nodes.size());  // from one node less
  const auto each = static_cast<std::int64_t>(nodes.size());
  for_blocks(each, [&](std::int64_t i) {
    const auto count = static_cast<std::size_t>(i);
    by_count[count] = polynomial(nodes.last(count + 1), std::log(c));
  });
  for_blocks(each - 1, [&](std::int64_t i) {
    const auto count = static_cast<std::size_t>(i) + 1;
    Coefficients moved = by_count[count];
    add_scaled(static_cast<std::int64_t>(moved.size()), -1.0, by_count[count - 1].data(),
               moved.data());
    change[count] = metric.squared_norm(c * nodes.back()->curvature, ridge, classes, moved);
  });
  std::size_t best = 0;
  for (std::size_t count = 1; count < nodes.size(); ++count)
    if (best == 0 || change[count] < change[best]) best = count;
  return std::move(by_count[best]);
}

}  // namespace stockpot
