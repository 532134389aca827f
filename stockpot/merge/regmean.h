// RegMean (Jin et al. 2023, "Dataless Knowledge Fusion by Merging Weights of Language Models"):
// the weights of a linear layer whose outputs are, in the sense of least squares, nearest to
// those of all models on their own data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/checkpoint/checkpoint.h"
#include "stockpot/merge/method.h"

namespace stockpot {

struct RegMeanOptions {
  // Factor of the off-diagonal entries of the Gram matrices, 0..1. fusion_bench takes 0.95 for
  // CLIP, 0.6 for GPT-2.
  double off_diagonal = 0.95;
};

// With W_i of shape [out, in] and G_i = X_i^T X_i of the layer's inputs:
//   W^T = (sum_i w_i G_i)^-1 sum_i w_i G_i W_i^T.
// Solved by Cholesky decomposition around the weighted mean of the W_i, so that equal models
// give themselves; when the sum is singular, the smallest ridge of 1e-12, 1e-10, ... times its
// mean diagonal that makes it positive definite is added, which draws W to that mean.
// Tensors without Gram matrices become the weighted mean of the models.
class RegMean : public MergeMethod {
 public:
  // statistics: for each model, by TensorJob::origin, a checkpoint with a tensor of shape
  // [in, in] for each linear layer, named as the layer's weight ("fc.weight") or, without
  // ".weight", with ".gram" at the end ("fc.gram"). A convolution's weight counts as the matrix
  // [out, all the rest].
  RegMean(std::vector<Checkpoint> statistics, const RegMeanOptions& options);
  // Throws UsageError: another number of files than models, weights that are negative or all
  // zero; FormatError naming file and tensor: a Gram matrix that does not fit the weight.
  void survey(std::span<const TensorJob> jobs, Progress& progress) override;
  // Holds the merged values of one tensor at a time. Throws FormatError for Gram matrices with
  // NaN, infinite values or a diagonal that is not positive anywhere.
  void prepare(const TensorJob& job) override;
  void fill(const TensorJob& job, std::int64_t first, std::span<double> out) const override;
  Json options() const override;
  // {plain_mean: [names], ridge: {name: factor}}.
  Json findings() const override;
  std::span<const Checkpoint> statistics() const override { return statistics_; }

 private:
  const TensorView* gram_of(const TensorJob& job, std::size_t model) const;

  std::vector<Checkpoint> statistics_;
  RegMeanOptions options_;
  std::string name_;            // of the tensor whose values are held
  std::vector<double> merged_;  // empty: plain mean
  std::vector<std::string> plain_;
  std::vector<std::pair<std::string, double>> ridges_;
};

}  // namespace stockpot
