// Runs a planned merge: one pass over the models, in memory that does not grow with their size or
// number, with the same bytes for any number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "stockpot/base/progress.h"
#include "stockpot/merge/method.h"
#include "stockpot/merge/plan.h"

namespace stockpot {

// Takes the bytes of plan.tensors[tensor].output from `first_byte` on; called from several
// threads, in any order (CheckpointWriter::write).
using MergeSink = std::function<void(std::size_t tensor, std::uint64_t first_byte,
                                     std::span<const std::byte> bytes)>;

struct RunLimits {
  std::uint64_t max_memory = 0;  // bytes; 0: no bound of its own (it stays small anyway)
  bool allow_nonfinite = false;  // NaN and Inf of the models go through
};

struct MergeOutcome {
  std::vector<std::string> model_hashes;  // content_hash() of each model, in the caller's order
  std::string base_hash;                  // "" without a base
  std::string output_hash;                // content_hash() of what was written
  std::uint64_t bytes_read = 0, bytes_written = 0;  // not counting the method's own passes
  double seconds = 0;
};

// Throws FormatError naming model and tensor for values that are NaN or Inf, and for results that
// overflow the output's type; UsageError when max_memory is less than one thread needs (the
// message says how much).
MergeOutcome run_merge(const MergePlan& plan, MergeMethod& method, const MergeSink& sink,
                       const RunLimits& limits, Progress& progress);

}  // namespace stockpot
