// The gradient of one batch, in the model's flat buffer; of all ranks' parts of it, on each.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <vector>

#include "stockpot/parallel/world.h"
#include "stockpot/train/fit_options.h"
#include "stockpot/train/recorded_passes.h"

namespace stockpot {

class BatchGradient {
 public:
  // Remembers the weights as the start that L2-SP pulls back to.
  BatchGradient(const Classifier& model, const FitOptions& options, World& world);

  // After which parameters are trained may have changed.
  void start_epoch(const Classifier& model);
  // Replaces the gradients by those of the batch, in FitOptions::accumulation parts. `seed` is
  // that of everything that is dropped: equal seeds drop the same. The batch is this rank's part,
  // perhaps without a row.
  BatchResult compute(Classifier& model, const TrainingBatch& batch, std::uint64_t seed);

 private:
  // Of this rank's part, before the penalty.
  BatchResult pass(Classifier& model, const TrainingBatch& batch, std::uint64_t seed) const;
  // A pass of a rank that has no row, for the others' BatchNorm.
  void go_along(Classifier& model, const TrainingBatch& batch, std::uint64_t seed) const;
  void sum_over_ranks(const Classifier& model, BatchResult& result) const;
  int parts_of(const Classifier& model, std::int64_t rows) const;

  FitOptions options_;
  World& world_;
  // Of L2-SP, each as the flat buffer: where it pulls to and how strongly, 0 where nothing is
  // trained.
  at::Tensor target_, pull_;
  std::shared_ptr<JointBatch> joint_;  // of live BatchNorm on several ranks
  std::optional<RecordedPasses> recorded_;
  std::vector<bool> trained_;  // which parameters
};

}  // namespace stockpot
