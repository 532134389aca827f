#include "stockpot/soup/table_scorer.h"

#include <algorithm>

#include "stockpot/base/text.h"

namespace stockpot {

bool TableScorer::add(const std::vector<std::string>& ingredients, const Evaluation& evaluation) {
  std::vector<std::size_t> members;
  for (const std::string& name : ingredients) {
    const auto found = std::ranges::find(names_, name);
    if (found == names_.end()) return false;
    members.push_back(static_cast<std::size_t>(found - names_.begin()));
  }
  std::ranges::sort(members);
  return scores_.emplace(std::move(members), evaluation).second;
}

Evaluation TableScorer::operator()(const SoupRequest& request) const {
  std::vector<std::size_t> members = request.members();
  std::vector<std::string> shown;
  for (const std::size_t i : members) shown.push_back(printable(names_[i]));
  std::ranges::sort(members);
  const auto found = scores_.find(members);
  if (found != scores_.end()) return found->second;
  Evaluation evaluation;
  evaluation.failure = "the table has no row for " + join(shown, "+");
  return evaluation;
}

}  // namespace stockpot
