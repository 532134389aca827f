// Differences of two recipes that were trained with the same seeds and met the same pictures.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "stockpot/metrics/accuracy.h"
#include "stockpot/metrics/right_rows.h"

namespace stockpot {

// The mean of the differences seed by seed, with Student's t intervals over the seeds at 90 % (as
// the LP-FT paper gives them) and at 95 %; one seed has none.
struct SeedDifference {
  double mean = 0;
  std::optional<Interval> low_confidence, confidence;  // 90 %, 95 %
};
// Equally many values, one a seed, 1 or more.
SeedDifference seed_difference(std::span<const double> first, std::span<const double> second);

inline constexpr int kPictureReplicates = 1000;

// Which pictures say so: accuracy of `first` less that of `second`, each the mean over its models,
// in kPictureReplicates bootstrap replicates that draw the n pictures anew with replacement, each
// with all of its rows. first[i] and second[i] are of the same rows. `numbers`: the picture that
// each row shows (Pictures::numbers()); empty: each its own. Draws are a function of (seed,
// replicate): with equal n and seed replicates of two comparisons are of the same pictures.
std::vector<double> picture_replicates(std::span<const RightRows> first,
                                       std::span<const RightRows> second, std::uint64_t seed = 0,
                                       std::span<const std::size_t> numbers = {});
// 2.5 and 97.5 percentiles (nearest rank). Needs one value or more.
Interval percentile_interval(std::vector<double> replicates);

}  // namespace stockpot
