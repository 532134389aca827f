// The training of a run: every trial of the recipe, then the choice of learning rates on
// held-out data. Never sees a test set.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "stockpot/pipeline/plan.h"
#include "stockpot/pipeline/trainer.h"

namespace stockpot {

// A model that was trained, as its result.json says.
struct TrainedModel {
  std::string id, method, name;
  RowKind kind = RowKind::ft;
  std::uint64_t seed = 0;
  fs::path folder;  // the trial's; the model is in folder/"model"
  Accuracy held_out;
  double seconds = 0;
  std::vector<std::pair<std::string, std::string>> choices;
  std::vector<std::string> warnings;
};

struct TrainedModels {
  std::optional<TrainedModel> probe;
  std::vector<TrainedModel> runs;  // those that are done, in the order of the plan
  std::vector<std::string> lost;   // "search-07: diverged, ..." for the others
};

// Trains what is not done yet, beside whoever else works in the folder, and reads the results.
// Throws Interrupted after saving the running one, RunError when nothing could be trained.
TrainedModels train_all(const TrainContext& context, const std::vector<TrainingRun>& runs,
                        const SweepPlan& plan);

// For every method the runs at the learning rate with the best mean held-out accuracy over
// the seeds (ties to the smaller rate: the milder change); search runs are all kept. Adds the
// grid and a warning at its edge to the choices. A rate that lost a run is out.
std::vector<TrainedModel> choose_learning_rates(const std::vector<TrainingRun>& runs,
                                                const std::vector<TrainedModel>& trained);

// A few steps and a few evaluation batches on a copy of the model.
Calibration calibrate(const Recipe& recipe, const DataSets& data, const Classifier& pretrained,
                      const TrainSettings& settings, Progress& progress);

}  // namespace stockpot
