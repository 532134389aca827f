// The training side of a sweep: what workers do with the trials of a folder.
#pragma once

#include <memory>

#include "stockpot/base/progress.h"
#include "stockpot/pipeline/trainer.h"
#include "stockpot/sweep/plan_file.h"

namespace stockpot {

// What the workers of one machine share. No operator of LibTorch runs in here: processes that
// are forked afterwards share the decoded pictures.
class SweepInputs {
 public:
  // Reads the folder's plan and recipe and decodes the training and held-out pictures. Throws
  // what read_plan, Recipe::read and load_training_data throw.
  SweepInputs(const fs::path& sweep, Progress& progress);

  const SweepPlan& plan() const { return plan_; }
  const Recipe& recipe() const { return recipe_; }
  const DataSets& data() const { return data_; }
  const fs::path& folder() const { return sweep_; }

 private:
  fs::path sweep_;
  SweepPlan plan_;
  Recipe recipe_;
  DataSets data_;
};

// Runs trials in this process, as RunTrial.
class SweepTrainer {
 public:
  // Loads the model on `device`. Throws UsageError when the folder was made from other inputs.
  SweepTrainer(const SweepInputs& inputs, const std::string& device, Progress& progress);

  Json operator()(const Trial& trial, TrialRun& run) { return trainer_(trial, run); }

 private:
  Classifier pretrained_;
  Json identity_;
  RunFolder folder_;
  Trainer trainer_;
};

}  // namespace stockpot
