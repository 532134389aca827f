#include "stockpot/soup/logit_ensemble.h"

#include <algorithm>

namespace stockpot {

Predictions ensemble_logits(const std::vector<std::size_t>& members, const LogitsOfModel& logits) {
  LogitSum sum;
  for (const std::size_t member : members) sum.add(logits(member));
  return sum.mean();
}

Evaluation LogitEnsemble::operator()(const SoupRequest& request) {
  if (request.removed) return evaluation_of(metric_, ensemble_logits(request.members(), logits_));
  const bool grown = request.soup.size() >= soup_.size() &&
                     std::equal(soup_.begin(), soup_.end(), request.soup.begin());
  if (!grown) {
    sum_ = LogitSum();
    soup_.clear();
  }
  for (std::size_t i = soup_.size(); i < request.soup.size(); ++i) {
    sum_.add(logits_(request.soup[i]));
    soup_.push_back(request.soup[i]);
  }
  if (!request.added) return evaluation_of(metric_, sum_.mean());
  const Predictions candidate = logits_(*request.added);
  return evaluation_of(metric_, sum_.mean(&candidate));
}

}  // namespace stockpot
