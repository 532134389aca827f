// TIES merging (Yadav et al. 2023, "TIES-Merging: Resolving Interference When Merging Models").
//
// 1. Trim: of each task vector, the largest magnitudes stay, the rest becomes zero.
// 2. Elect: for each element, the sign of the sum of the trimmed values (times their weights).
// 3. Merge: the mean, with weights, of the values that have this sign.
// 4. theta_0 + lambda * that.
#pragma once

#include <memory>
#include <string_view>

#include "stockpot/merge/sparsify.h"

namespace stockpot {

struct TiesOptions {
  TrimOptions trim;
  ZeroSum zero_sum = ZeroSum::none;
  bool normalize = true;  // the mean of step 3; otherwise the sum
  double lambda = 1;
};

// The published variants:
//   paper      whole vector, max(1, round(density * N)) values, a sum of zero elects nothing;
//   reference  the authors' program: whole vector, one value more and all that equal the last,
//              a sum of zero takes the sign elected for most elements;
//   mergekit   each tensor alone, max(1, int(density * N)) values, a sum of zero is positive.
// Throws UsageError for another name.
TiesOptions ties_preset(std::string_view name);

std::unique_ptr<MergeMethod> ties(const TiesOptions& options);

}  // namespace stockpot
