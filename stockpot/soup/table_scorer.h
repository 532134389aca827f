// Scores soups by looking them up: a table of what was measured before, by ingredients.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "stockpot/soup/request.h"

namespace stockpot {

class TableScorer {
 public:
  // The candidates that rows name, by these names.
  explicit TableScorer(std::vector<std::string> names) : names_(std::move(names)) {}

  // Returns false when one of the ingredients is no candidate, or when the soup has a score
  // already.
  bool add(const std::vector<std::string>& ingredients, const Evaluation& evaluation);
  // A soup that is not in the table has failed.
  Evaluation operator()(const SoupRequest& request) const;

 private:
  std::vector<std::string> names_;
  std::map<std::vector<std::size_t>, Evaluation> scores_;  // by sorted members
};

}  // namespace stockpot
