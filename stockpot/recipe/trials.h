// The training runs of a recipe as the trials of a sweep: every process that reads the recipe
// comes to the same list.
#pragma once

#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/checkpoint/model_folder.h"
#include "stockpot/recipe/plan_runs.h"
#include "stockpot/sweep/plan_file.h"

namespace stockpot {

// The trial that makes the linear probe, which others start from.
inline constexpr const char* kProbeTrial = "lp";

// The recipe's identity and the bytes of the pretrained model. Reads all of the weights.
Json run_identity(const Recipe& recipe, const ModelFolder& model);

// What makes a trial what it is: its result may be taken over where this is the same.
Json probe_params(const Recipe& recipe, const Json& identity);
// `head`: head_identity() of the run's head, null where it has none.
Json run_params(const Recipe& recipe, const Json& identity, const TrainingRun& run,
                const Json& head);

// The linear probe, where the recipe has one, and the runs, in their order; those that start
// from the probe need it. Reads the files of heads.
std::vector<Trial> trials_of(const Recipe& recipe, const Json& identity,
                             const std::vector<TrainingRun>& runs);

// What sweep.json says of the recipe: trials_of() with the recipe's retries and heartbeat.
SweepPlan sweep_plan(const Recipe& recipe, const Json& identity,
                     const std::vector<TrainingRun>& runs);
// The same from the recipe alone. Reads the weights of its model.
SweepPlan sweep_plan(const Recipe& recipe);

}  // namespace stockpot
