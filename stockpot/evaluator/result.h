// What an external evaluator wrote about a candidate (docs/soups.md has the protocol).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot {

struct ExternalResult {
  double value = 0;  // what the pointer names; finite
  Json metrics;      // all numbers that were given
  std::optional<std::int64_t> n;
  std::optional<Accuracy> counts;  // correct and n
  std::vector<bool> per_example;   // one for each example; empty when not given
  fs::path logits;                 // an array of n rows; empty when not given
};

// The member that a JSON pointer (RFC 6901: "/metrics/accuracy") names, or nullptr.
const Json* at_pointer(const Json& json, const std::string& pointer);

// Throws EvaluatorFailure with the reason: no object, no metrics or other things than numbers in
// them, nothing at the pointer or no finite number, counts that cannot be, arrays that cannot be
// read, of another length than n, or that contradict `correct`. Relative paths start at `folder`.
ExternalResult check_result(const Json& json, const std::string& pointer, const fs::path& folder);

}  // namespace stockpot
