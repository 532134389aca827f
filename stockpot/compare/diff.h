// How two checkpoints differ: tensor by tensor, block by block, and as a whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/base/progress.h"
#include "stockpot/checkpoint/checkpoint.h"
#include "stockpot/compare/kernels.h"

namespace stockpot {

// Numbers of A against numbers of B, over the elements that are finite in both.
struct PairStatistics {
  compare_kernels::PairSums sums;
  std::int64_t elements = 0;
  std::int64_t differing = 0;   // other bits, or further apart than the tolerance
  std::int64_t not_finite = 0;  // NaN or Inf in A or in B

  // norm(A - B) / norm(A): 0 for equal tensors, NaN when only A is zero.
  double relative() const;
  // NaN when A or B is zero and the other is not; 1 for two zeros.
  double cosine() const;
  void add(const PairStatistics& other);
};

// One name. `a` or `b` is null when only the other has it.
struct TensorDifference {
  std::string name;
  const TensorView* a = nullptr;
  const TensorView* b = nullptr;
  bool same_bits = false;  // the same type, shape and bytes
  // There for equal shapes of types that have numbers (not complex, not smaller than a byte).
  std::optional<PairStatistics> statistics;

  bool same_shape() const { return a != nullptr && b != nullptr && a->shape == b->shape; }
};

struct BlockDifference {
  std::string name;  // block_of()
  std::int64_t tensors = 0;
  PairStatistics statistics;  // of its floating-point tensors
};

struct DiffOptions {
  // Elements at most this far apart count as equal. Without it only equal bits do.
  std::optional<double> tolerance;
};

// The checkpoints must outlive this.
struct CheckpointDiff {
  fs::path a, b;
  std::vector<TensorDifference> tensors;  // by name, as people order it
  std::vector<BlockDifference> blocks;    // in the order of their first tensors
  PairStatistics whole;                   // of all floating-point tensors
  // Names that share one storage in A but not in B, and the other way round.
  std::vector<std::vector<std::string>> ties_only_in_a, ties_only_in_b;
  bool same_bits = false;  // the same names, types, shapes, bytes and ties
  bool equal = false;      // the same, but for differences within the tolerance
};

// Reads both once, in parallel, in little memory; the same numbers for any number of threads.
CheckpointDiff diff(const Checkpoint& a, const Checkpoint& b, const DiffOptions& options,
                    Progress& progress);

// The document of docs/checkpoints.md.
Json to_json(const CheckpointDiff& result);

struct DiffPage {
  std::size_t width = 100;
  std::size_t top = 10;  // rows of each table; 0: all
};
// For a terminal, what changed most first. Names are made printable.
std::string diff_text(const CheckpointDiff& result, const DiffPage& page);

}  // namespace stockpot
