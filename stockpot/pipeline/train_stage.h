// The training of a run: the linear probe, then every fine-tuning. Chooses learning rates on
// held-out data. Never sees a test set.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/progress.h"
#include "stockpot/model/classifier.h"
#include "stockpot/pipeline/data_sets.h"
#include "stockpot/pipeline/plan.h"
#include "stockpot/pipeline/run_folder.h"
#include "stockpot/train/fit.h"

namespace stockpot {

// A model that was trained, as its result.json says.
struct TrainedModel {
  std::string id, method, name;
  RowKind kind = RowKind::ft;
  std::uint64_t seed = 0;
  fs::path folder;  // the run's; the model is in folder/"model"
  Accuracy held_out;
  double seconds = 0;
  std::vector<std::pair<std::string, std::string>> choices;
  std::vector<std::string> warnings;
};

struct TrainContext {
  const Recipe& recipe;
  const Json& identity;
  const RunFolder& folder;
  const DataSets& data;
  const Classifier& pretrained;
  Progress& progress;
};

// What a recipe's settings ask of the training loop.
FitOptions fit_options(const TrainSettings& settings, std::uint64_t seed, bool bf16);

// The linear probe: runs/lp, or what an earlier command left there.
TrainedModel train_probe(const TrainContext& context);

// Every run of the plan, skipping those that are finished. `start` gives the weights that a
// run begins from. Throws Interrupted after the running one was abandoned.
std::vector<TrainedModel> train_runs(const TrainContext& context,
                                     const std::vector<TrainingRun>& runs,
                                     const std::optional<TrainedModel>& probe);

// For every method the runs at the learning rate with the best mean held-out accuracy over
// the seeds (ties to the smaller rate: the milder change); search runs are all kept. Adds the
// grid and a warning at its edge to the choices.
std::vector<TrainedModel> choose_learning_rates(const std::vector<TrainingRun>& runs,
                                                const std::vector<TrainedModel>& trained);

// A few steps and a few evaluation batches on a copy of the model.
Calibration calibrate(const Recipe& recipe, const DataSets& data, const Classifier& pretrained,
                      const TrainSettings& settings, Progress& progress);

}  // namespace stockpot
