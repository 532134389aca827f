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

bool same_rows(const Predictions& first, const Predictions& second) {
  return first.labels == second.labels && first.ids == second.ids &&
         (first.examples.empty() || second.examples.empty() || first.examples == second.examples);
}

void LogitSum::require_same_rows(const Predictions& other) const {
  const std::string where = "member " + std::to_string(members_ + 1) + " of the ensemble ";
  if (other.classes != first_.classes) {
    throw UsageError(where + "has " + std::to_string(other.classes) + " classes, the first has " +
                     std::to_string(first_.classes));
  }
  if (!same_rows(other, first_) || other.logits.size() != sum_.size()) {
    throw UsageError(where + "was evaluated on other rows than the first");
  }
}

void LogitSum::add(const Predictions& member) {
  if (members_ == 0) {
    first_ = member;
    first_.logits.clear();
    first_.model.clear();
    sum_.assign(member.logits.begin(), member.logits.end());
  } else {
    require_same_rows(member);
    for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += static_cast<double>(member.logits[i]);
  }
  ++members_;
}

Predictions LogitSum::mean(const Predictions* more) const {
  if (members_ == 0) {
    if (more != nullptr) return *more;
    throw UsageError("an ensemble needs one member or more");
  }
  if (more != nullptr) require_same_rows(*more);
  const auto count = static_cast<double>(members_ + (more != nullptr ? 1 : 0));
  Predictions result = first_;
  result.logits.resize(sum_.size());
  for (std::size_t i = 0; i < sum_.size(); ++i) {
    const double sum = more != nullptr ? sum_[i] + static_cast<double>(more->logits[i]) : sum_[i];
    result.logits[i] = static_cast<float>(sum / count);
  }
  return result;
}

Predictions mean_logits(std::span<const Predictions* const> members) {
  LogitSum sum;
  for (const Predictions* member : members) sum.add(*member);
  return sum.mean();
}

}  // namespace stockpot
