// What a recipe asks for, spelled out run by run before anything starts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stockpot/base/progress.h"
#include "stockpot/recipe/recipe.h"
#include "stockpot/report/run_report.h"

namespace stockpot {

// One fine-tuning.
struct TrainingRun {
  std::string id;      // its folder under runs/: "ft-frozen-lr3e-4-s0", "search-07"
  std::string method;  // runs of one method differ in learning rate and seed: "ft-frozen"
  std::string name;    // for people: "FT (BN frozen)"
  RowKind kind = RowKind::ft;
  bool from_probe = false;  // else from the pretrained weights with a random head
  std::uint64_t seed = 0;
  TrainSettings settings;
};

// Every fine-tuning of the recipe, in the order in which they run. A model without BatchNorm
// has no BatchNorm policies to compare.
std::vector<TrainingRun> plan_runs(const Recipe& recipe, bool has_batchnorm);

// Speeds measured on this machine, in images a second.
struct Calibration {
  double training = 0, evaluation = 0;
};

// Seconds that `runs` take, by the calibration.
double expected_seconds(const std::vector<TrainingRun>& runs, const Calibration& speed,
                        std::int64_t train_rows, std::int64_t held_out_rows, std::int64_t test_rows,
                        std::int64_t evaluated_models);

}  // namespace stockpot
