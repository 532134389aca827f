// The gradient of one batch, in the model's flat buffer; of all ranks' parts of it, on each.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>

#include "stockpot/parallel/world.h"
#include "stockpot/train/fit_options.h"
#include "stockpot/train/training_batch.h"

namespace stockpot {

struct BatchResult {
  at::Tensor loss;     // the mean over the rows of all ranks, without penalties
  at::Tensor correct;  // of these rows, as trained
};

class BatchGradient {
 public:
  // Remembers the weights as the start that L2-SP pulls back to.
  BatchGradient(const Classifier& model, const FitOptions& options, World& world);

  // Replaces the gradients by those of the batch, in FitOptions::accumulation parts. `seed` is
  // that of everything that is dropped: equal seeds drop the same. The batch is this rank's part,
  // perhaps without a row.
  BatchResult compute(Classifier& model, const TrainingBatch& batch, std::uint64_t seed) const;

 private:
  // A pass of a rank that has no row, for the others' BatchNorm.
  void go_along(Classifier& model, const TrainingBatch& batch, std::uint64_t seed) const;
  void sum_over_ranks(const Classifier& model, BatchResult& result) const;
  void add_penalty(const Classifier& model) const;
  int parts_of(const Classifier& model, std::int64_t rows) const;

  FitOptions options_;
  World& world_;
  at::Tensor start_;                   // of L2-SP
  std::shared_ptr<JointBatch> joint_;  // of live BatchNorm on several ranks
};

}  // namespace stockpot
