// `stockpot run`: the whole way from a pretrained model to the report.
#pragma once

#include "stockpot/base/file.h"
#include "stockpot/base/progress.h"
#include "stockpot/parallel/world.h"
#include "stockpot/recipe/recipe.h"
#include "stockpot/report/run_report.h"

namespace stockpot {

// Trains, averages, evaluates and reports into `out`. What is finished there is not done
// again. With `plan_only` it stops after printing what it would do.
// Throws UsageError, FormatError, RunError, WriteError, BusyError or Interrupted.
RunReport run_recipe(const Recipe& recipe, const fs::path& out, bool plan_only, Progress& progress);

// The same on rank 0 of a world whose other ranks call follow_run() (pipeline/joint_training.h);
// they are let go when all is trained.
RunReport run_recipe(const Recipe& recipe, const fs::path& out, bool plan_only, Progress& progress,
                     World& world);

}  // namespace stockpot
