// Trains the trials of a recipe, one at a time: the linear probe and every fine-tuning.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/progress.h"
#include "stockpot/model/classifier.h"
#include "stockpot/pipeline/data_sets.h"
#include "stockpot/pipeline/joint_training.h"
#include "stockpot/pipeline/run_folder.h"
#include "stockpot/recipe/trials.h"
#include "stockpot/sweep/trial_run.h"

namespace stockpot {

// What all of a run shares.
struct TrainContext {
  const Recipe& recipe;
  const Json& identity;  // run_identity()
  const RunFolder& folder;
  const DataSets& data;
  const Classifier& pretrained;
  Progress& progress;
  JointTraining* joint = nullptr;  // when other processes train with this one
};

// The function that a worker runs trials with (sweep/worker.h). Leaves in a trial's folder
//   model/            a model folder that transformers or timm opens
//   averages/<name>/  the same for each moving average that the settings ask for
//   logits/           of fine-tunings, what model/ says about the held-out pictures
//   metrics.jsonl, metrics.csv
//   state/            saved states, until the result is there
//   last-good/        of training that diverged after its first epoch: the best epoch's model
// and gives result.json: schema_version, stockpot, id, method, inputs (the trial's params),
// held_out, seconds, choices, warnings, details. A trial that was interrupted goes on from its
// last saved state, to the same bytes.
class Trainer {
 public:
  // Reads the heads that runs start from: throws what read_head() throws before anything is
  // trained.
  Trainer(const TrainContext& context, std::vector<TrainingRun> runs);

  // Throws Diverged, Interrupted after saving, WriteError, TrialTakenOver.
  Json operator()(const Trial& trial, TrialRun& run);

 private:
  Json train_probe(const Trial& trial, TrialRun& run);
  Json fine_tune(const TrainingRun& settings, const Trial& trial, TrialRun& run);
  // The model that a run starts from, with the head that it starts from.
  Classifier start_of(const TrainingRun& run, const Trial& trial);
  const Classifier& probe();
  void save_held_out(const FitResult& fitted, Classifier& model, const TrialRun& run) const;
  const GivenHead& head_of(const TrainingRun& run, const Trial& trial) const;

  TrainContext context_;
  std::vector<TrainingRun> runs_;
  std::vector<std::pair<HeadFile, GivenHead>> heads_;  // of the runs, each file once
  std::optional<Classifier> probe_;                    // read when the first run starts from it
};

// For WorkerOptions: training that diverged (train/divergence.h) marks its trial.
bool is_divergence(const std::exception& error);

}  // namespace stockpot
