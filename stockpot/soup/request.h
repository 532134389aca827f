// One question of a search: how good is this soup, with one ingredient more or less?
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/soup/evaluation.h"

namespace stockpot {

struct SoupRequest {
  std::vector<std::size_t> soup;       // indices of the ingredients so far, in order of acceptance
  std::optional<std::size_t> added;    // not in the soup yet
  std::optional<std::size_t> removed;  // in the soup
  const StopRule* stop = nullptr;      // the evaluator may stop when this rejects
  std::optional<std::size_t> next;     // what will be added next, when this is rejected
  std::string name;                    // for people and logs: "soup of 3 with model_4"

  // The soup that is to be scored. Not empty.
  std::vector<std::size_t> members() const;
};

}  // namespace stockpot
