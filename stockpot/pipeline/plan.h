// What is known of the runs of a recipe before the first one starts: whether the model can be
// trained so, and how long they will take.
#pragma once

#include <cstdint>
#include <vector>

#include "stockpot/model/classifier.h"
#include "stockpot/recipe/plan_runs.h"
#include "stockpot/report/run_report.h"

namespace stockpot {

// How reports call a run.
RowKind row_kind(RunKind kind);

// Throws UsageError naming the first run that trains layers which the model does not have.
void check_runs(const std::vector<TrainingRun>& runs, const Classifier& model);
// The runs of the recipe (recipe/plan_runs.h), checked.
std::vector<TrainingRun> checked_runs(const Recipe& recipe, const Classifier& model);

// Speeds measured on this machine, in images a second.
struct Calibration {
  double training = 0, evaluation = 0;
};

// Seconds that `runs` take, by the calibration.
double expected_seconds(const std::vector<TrainingRun>& runs, const Calibration& speed,
                        std::int64_t train_rows, std::int64_t held_out_rows, std::int64_t test_rows,
                        std::int64_t evaluated_models);

}  // namespace stockpot
