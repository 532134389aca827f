// A training run between two steps: everything that its next step, and its result, depend on.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "stockpot/data/batch.h"
#include "stockpot/train/fit.h"
#include "stockpot/train/gradient.h"
#include "stockpot/train/optimizer.h"
#include "stockpot/train/progress.h"
#include "stockpot/train/sharpness.h"
#include "stockpot/train/state_folder.h"
#include "stockpot/train/weight_averages.h"

namespace stockpot {

struct FitRun {
  // At the first step. The arguments outlive the run.
  FitRun(Classifier& model, const ImageDataset& train, const FitOptions& options, World& world);

  // What follows from the arguments.
  Classifier& model;
  const ImageDataset& train;
  const FitOptions& options;
  World& world;
  std::int64_t steps_per_epoch = 0, steps = 0;
  std::vector<float> start_statistics;  // of BatchNorm
  BatchGradient gradient;
  std::optional<SharpnessAware> sharpness;

  // What changes.
  FlatOptimizer optimizer;
  WeightAverages averages;
  EpochTotals totals;
  RunClock clock;
  int epoch = 1;          // that goes on, 1-based; epochs + 1 when all are done
  std::int64_t step = 0;  // made in the whole run
  FitResult result;
  std::optional<Weights> best;  // in host memory

  // The batches of an epoch from the next step on, this rank's parts of them.
  BatchPlan plan(int of_epoch) const;
  std::int64_t batch() const { return step - (epoch - 1) * steps_per_epoch; }
  // The rate of the last step.
  double learning_rate() const { return learning_rate_at(options, step - 1, steps); }
  // Ids of the images of a step (1-based) of the epoch that goes on.
  std::vector<std::string> images_of(std::int64_t step_of_run) const;

  void start_epoch();
  void next_epoch();

  // Saved and restored: a restored run goes on with the same bits.
  void save(Snapshot& snapshot) const;
  // `saved` is of a run of the same model, sets and options. Throws FormatError when it does not
  // fit; the run is then of no use.
  void restore(const SavedState& saved);
  // Gives all ranks the run of rank 0.
  void share();

 private:
  NamedTensors tensors() const;
  Json state() const;
  void set_state(const Json& state, const fs::path& origin);
};

// Every mean and variance that BatchNorm keeps, in the model's order.
std::vector<float> running_statistics(const Classifier& model);

}  // namespace stockpot
