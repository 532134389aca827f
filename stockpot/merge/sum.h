// Weighted sums of checkpoints in double precision, rounded once.
//
// The fp64 sum of fp32, fp16 or bf16 checkpoints is exact in practice, so a sum does not
// depend on the order of its terms, and removing a term gives bitwise the sum without it
// (Wortsman et al. 2022 average in the checkpoint's own type: last-bit errors in a third of
// the weights).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stockpot/checkpoint/checkpoint.h"

namespace stockpot {

// A running sum of models that have the same tensors. Floating-point tensors are summed in
// fp64 (fp64 tensors in twice that); integer and bool tensors are kept from the first model,
// never averaged. The 8-bit and smaller float types and complex numbers are refused.
class ModelSum {
 public:
  // Throws FormatError before any work: a tensor missing or extra, another shape or dtype
  // (both are named), NaN or Inf values.
  void add(const Checkpoint& model);
  // Undoes an add() of the same model. Only the sign of zeros is not restored: where all
  // other models have -0, the mean becomes +0.
  void remove(const Checkpoint& model);
  int count() const { return count_; }

  // sum / count, rounded once to the dtype of the first model. count() > 0.
  std::vector<OwnedTensor> mean() const;
  // (sum + model) / (count + 1), without changing the sum.
  std::vector<OwnedTensor> mean_with(const Checkpoint& model) const;

 private:
  struct Entry {
    TensorView like;                  // name, dtype and shape; bytes not used
    std::vector<double> sum;          // floating-point tensors
    std::vector<double> low;          // fp64 tensors: the rounding error of sum
    std::vector<std::byte> constant;  // the others: bytes of the first model
  };
  void start(const Checkpoint& model);
  void check(const Checkpoint& model) const;
  void accumulate(const Checkpoint& model, double sign);
  std::vector<OwnedTensor> rounded_mean(const Checkpoint* extra) const;
  std::vector<Entry> entries_;
  fs::path first_;  // for messages
  int count_ = 0;
};

}  // namespace stockpot
