// The gradient of one batch, in the model's flat buffer.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "stockpot/train/fit_options.h"
#include "stockpot/train/training_batch.h"

namespace stockpot {

struct BatchResult {
  at::Tensor loss;    // the mean over the rows, without penalties
  at::Tensor logits;  // as trained, without autograd
};

class BatchGradient {
 public:
  // Remembers the weights as the start that L2-SP pulls back to.
  BatchGradient(const Classifier& model, const FitOptions& options);

  // Replaces the gradients by those of the batch, in FitOptions::accumulation parts. `seed` is
  // that of everything that is dropped: equal seeds drop the same.
  BatchResult compute(Classifier& model, const TrainingBatch& batch, std::uint64_t seed) const;

 private:
  void add_penalty(const Classifier& model) const;
  int parts_of(const Classifier& model, std::int64_t rows) const;

  FitOptions options_;
  at::Tensor start_;  // of L2-SP
};

}  // namespace stockpot
