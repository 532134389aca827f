#include "stockpot/merge/ties.h"

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {

TiesOptions ties_preset(std::string_view name) {
  TiesOptions options;
  if (name == "reference") {
    options.trim.count = TrimCount::at_least;
    options.zero_sum = ZeroSum::majority_or_negative;
  } else if (name == "mergekit") {
    options.trim.scope = TrimScope::tensor;
    options.trim.count = TrimCount::truncated;
    options.zero_sum = ZeroSum::positive;
  } else if (name != "paper") {
    throw UsageError("no variant of TIES is named '" + printable(name) +
                     "' (known: paper, reference, mergekit)");
  }
  return options;
}

std::unique_ptr<MergeMethod> ties(const TiesOptions& options) {
  ConsensusOptions consensus;
  consensus.elect = true;
  consensus.zero_sum = options.zero_sum;
  consensus.normalize = options.normalize;
  consensus.lambda = options.lambda;
  return std::make_unique<TaskVectorMerge>("ties", magnitude_trim(options.trim), consensus);
}

}  // namespace stockpot
