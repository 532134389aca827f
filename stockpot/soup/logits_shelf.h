// Logits that were computed already, kept to put examples in order: by soup, in memory or in a
// folder. They decide about the order only, never about a score, so fp16 is enough.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/metrics/predictions.h"

namespace stockpot {

// Logits, or, where these would take too much room, one column of margins.
struct ShelvedLogits {
  std::int64_t columns = 0;
  std::vector<float> values;  // rows x columns
};

class LogitsShelf {
 public:
  // In memory, or in files of `folder` (made when first needed) that a later process finds.
  // `budget`: bytes that logits of `soups` soups may take; else margins are kept.
  LogitsShelf(fs::path folder, std::int64_t soups, std::uint64_t budget = std::uint64_t{4} << 30);

  // `logits`: rows x classes of `truth`. Throws WriteError.
  void put(const std::string& key, const Predictions& truth, std::span<const float> logits);
  // Nothing when there are none of so many rows: a file that is damaged is none.
  std::optional<ShelvedLogits> get(const std::string& key, const Predictions& truth) const;

 private:
  fs::path file_of(const std::string& key) const;

  fs::path folder_;
  std::int64_t soups_;
  std::uint64_t budget_;
  std::map<std::string, ShelvedLogits> kept_;  // without a folder
};

// How far the label's logit lies above the largest other one; negative: the row is wrong. NaN is
// taken for the lowest.
float margin_of(std::span<const float> logits, std::int64_t label);

// The rows from the smallest margin up, which are most likely wrong, for the mean of soups of
// which logits are known: sum of weight * logits. Equal margins keep the rows' order.
struct WeightedLogits {
  double weight;
  const ShelvedLogits* logits;
};
std::vector<std::int64_t> order_by_margin(const Predictions& truth,
                                          std::span<const WeightedLogits> parts);

}  // namespace stockpot
