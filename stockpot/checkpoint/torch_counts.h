// Where in a pickle dicts of tensors are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "stockpot/pickle/value.h"

namespace stockpot {

// Remembers what it counted: a pickle can share one large dict a million times.
class TensorCounts {
 public:
  // Directly in a dict; a module counts as one.
  std::size_t in(const PickleValue& value);
  // "5 tensors", "a module (...)", or what the value says of itself.
  std::string describe(const PickleValue& value);
  // The entries that could be chosen, one or two levels down, for an error: "" when there are
  // none, else "; tensors are in 'a', 'b.c': choose one by its key".
  std::string places(const PickleValue& top);

 private:
  void look(const PickleValue& dict, const std::string& prefix, std::vector<std::string>& names);

  std::unordered_map<std::uint32_t, std::size_t> counts_;
};

}  // namespace stockpot
