#include "stockpot/metrics/predictions.h"

#include "stockpot/base/error.h"

namespace stockpot {

std::int64_t predicted_class(std::span<const float> logits) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < logits.size(); ++i) {
    // The second half lets a number win over a NaN: comparisons with NaN are false.
    if (logits[i] > logits[best] || (logits[best] != logits[best] && logits[i] == logits[i])) {
      best = i;
    }
  }
  return static_cast<std::int64_t>(best);
}

namespace {

void require_same_rows(const Predictions& first, const Predictions& other, std::size_t index) {
  const std::string where = "member " + std::to_string(index + 1) + " of the ensemble ";
  if (other.classes != first.classes) {
    throw UsageError(where + "has " + std::to_string(other.classes) + " classes, the first has " +
                     std::to_string(first.classes));
  }
  if (other.labels != first.labels || other.ids != first.ids ||
      other.logits.size() != first.logits.size()) {
    throw UsageError(where + "was evaluated on other rows than the first");
  }
}

}  // namespace

Predictions mean_logits(std::span<const Predictions* const> members) {
  if (members.empty()) throw UsageError("an ensemble needs one member or more");
  const Predictions& first = *members.front();
  for (std::size_t m = 1; m < members.size(); ++m) require_same_rows(first, *members[m], m);

  Predictions mean = first;
  for (std::size_t i = 0; i < mean.logits.size(); ++i) {
    double sum = 0;
    for (const Predictions* member : members) sum += static_cast<double>(member->logits[i]);
    mean.logits[i] = static_cast<float>(sum / static_cast<double>(members.size()));
  }
  return mean;
}

}  // namespace stockpot
