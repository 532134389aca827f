#include "stockpot/checkpoint/torch_counts.h"

#include <algorithm>

#include "stockpot/checkpoint/message.h"
#include "stockpot/checkpoint/torch_state.h"
#include "stockpot/checkpoint/torch_tensor.h"

namespace stockpot {
namespace {

constexpr std::size_t kMostLooked = 1000, kMostNames = 50, kLongestShown = 200;

}  // namespace

std::size_t TensorCounts::in(const PickleValue& value) {
  if (!value.is(PickleKind::dict) && !value.is(PickleKind::record)) return 0;
  const auto [place, added] = counts_.emplace(value.id(), 0);
  if (!added) return place->second;
  if (value.is(PickleKind::record)) return place->second = is_torch_module(value) ? 1 : 0;
  for (std::size_t i = 0; i < value.size(); ++i)
    place->second += is_torch_tensor(value.value(i)) ? 1 : 0;
  return place->second;
}

std::string TensorCounts::describe(const PickleValue& value) {
  if (is_torch_tensor(value)) return "a tensor";
  const std::size_t count = in(value);
  if (count == 0) return value.describe();
  if (value.is(PickleKind::record)) return "a module (" + value.describe() + ")";
  return std::to_string(count) + " tensors";
}

std::string TensorCounts::places(const PickleValue& top) {
  std::vector<std::string> names;
  look(top, "", names);
  if (top.is(PickleKind::dict))
    for (std::size_t i = 0; i < std::min(top.size(), kMostLooked); ++i)
      if (top.key(i).is(PickleKind::text))
        look(top.value(i), std::string(top.key(i).text().substr(0, kLongestShown)) + ".", names);
  if (names.empty()) return "";
  return "; tensors are in " + some_of(names) + ": choose one by its key";
}

void TensorCounts::look(const PickleValue& dict, const std::string& prefix,
                        std::vector<std::string>& names) {
  if (!dict.is(PickleKind::dict)) return;
  for (std::size_t i = 0; i < std::min(dict.size(), kMostLooked) && names.size() < kMostNames; ++i)
    if (dict.key(i).is(PickleKind::text) && in(dict.value(i)) > 0)
      names.push_back(prefix + std::string(dict.key(i).text().substr(0, kLongestShown)));
}

}  // namespace stockpot
