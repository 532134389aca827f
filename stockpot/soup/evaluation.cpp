#include "stockpot/soup/evaluation.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "stockpot/soup/request.h"

namespace stockpot {

double Geometry::angle() const {
  return std::acos(std::clamp(cosine, -1.0, 1.0)) * 180 / std::numbers::pi;
}

// A total of 0 stands for an evaluation that failed.
Evaluation::Evaluation(const Accuracy& accuracy) {
  if (accuracy.total <= 0) return;
  value = accuracy.value();
  counts = accuracy;
  examples = total = accuracy.total;
}

bool Evaluation::failed() const { return !std::isfinite(value) || !failure.empty(); }

bool AcceptRule::counted(const Evaluation& a, const Evaluation& b) const {
  return a.counts && b.counts && direction == Direction::maximize;
}

bool AcceptRule::better(const Evaluation& a, const Evaluation& b) const {
  return counted(a, b) ? a.counts->correct > b.counts->correct : better(a.value, b.value);
}

bool AcceptRule::accepts(const Evaluation& before, const Evaluation& after) const {
  if (after.failed() || after.stopped) return false;
  const bool tie =
      counted(before, after) ? before.counts == after.counts : after.value == before.value;
  return better(after, before) || (accept == Accept::ties && tie);
}

bool StopRule::rejects(double possible) const {
  if (rule.better(possible, before)) return false;
  return !(rule.accept == Accept::ties && possible == before);
}

std::vector<std::size_t> SoupRequest::members() const {
  std::vector<std::size_t> all;
  bool gone = false;
  for (const std::size_t i : soup) {
    if (!gone && removed == i)
      gone = true;
    else
      all.push_back(i);
  }
  if (added) all.push_back(*added);
  return all;
}

Evaluation evaluation_of(MetricKind metric, const Predictions& predictions) {
  Evaluation evaluation;
  if (metric == MetricKind::accuracy)
    evaluation = accuracy(predictions);
  else
    evaluation.value = score_of(metric, predictions);
  evaluation.right = RightRows(predictions);
  evaluation.examples = evaluation.total = predictions.rows();
  return evaluation;
}

}  // namespace stockpot
