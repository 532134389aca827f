#include "stockpot/metrics/weight_curve.h"

#include <algorithm>
#include <limits>

#include "stockpot/base/error.h"

namespace stockpot {

CurveChoice choose_alpha(std::span<const HeldOutPoint> held_out, double level,
                         const Pictures& pictures) {
  if (held_out.empty()) throw UsageError("no alpha to choose: there are no points");
  CurveChoice choice;
  for (std::size_t i = 1; i < held_out.size(); ++i) {
    const HeldOutPoint &point = held_out[i], &best = held_out[choice.best];
    const std::int64_t here = point.right.count(), there = best.right.count();
    if (here > there || (here == there && point.nll < best.nll)) choice.best = i;
  }
  for (const HeldOutPoint& point : held_out)
    choice.tests.push_back(paired_test(held_out[choice.best].right, point.right, pictures));
  choice.first = choice.last = choice.best;
  while (choice.first > 0 && choice.tests[choice.first - 1].p > level) --choice.first;
  while (choice.last + 1 < held_out.size() && choice.tests[choice.last + 1].p > level)
    ++choice.last;
  return choice;
}

std::optional<Barrier> barrier(std::span<const CurvePoint> points, std::size_t set) {
  const auto at = [&](double alpha) {
    return std::ranges::find_if(points, [&](const CurvePoint& p) { return p.alpha == alpha; });
  };
  const auto start = at(0), end = at(1);
  if (start == points.end() || end == points.end()) return std::nullopt;
  const CurveScore &a = start->scores[set], &b = end->scores[set];
  constexpr double kLow = -std::numeric_limits<double>::infinity();
  Barrier result{kLow, kLow, 0, 0};
  for (const CurvePoint& point : points) {
    if (!(point.alpha > 0 && point.alpha < 1)) continue;
    const CurveScore& here = point.scores[set];
    const double lost = (1 - point.alpha) * a.accuracy.value() + point.alpha * b.accuracy.value() -
                        here.accuracy.value();
    const double more = here.nll - ((1 - point.alpha) * a.nll + point.alpha * b.nll);
    if (lost > result.accuracy) result.accuracy = lost, result.at_accuracy = point.alpha;
    if (more > result.nll) result.nll = more, result.at_nll = point.alpha;
  }
  if (result.accuracy == kLow) return std::nullopt;
  return result;
}

}  // namespace stockpot
