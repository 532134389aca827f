// `stockpot run`: the whole way from a pretrained model to the report.
#pragma once

#include "stockpot/base/file.h"
#include "stockpot/base/progress.h"
#include "stockpot/recipe/recipe.h"
#include "stockpot/report/run_report.h"

namespace stockpot {

// Trains, averages, evaluates and reports into `out`. What is finished there is not done
// again. With `plan_only` it stops after printing what it would do.
// Throws UsageError, FormatError, RunError, WriteError, BusyError or Interrupted.
RunReport run_recipe(const Recipe& recipe, const fs::path& out, bool plan_only, Progress& progress);

}  // namespace stockpot
