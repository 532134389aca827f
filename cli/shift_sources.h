// Accuracies by set and learning rates, from what other commands wrote.
#pragma once

#include "cli/analysis_commands.h"
#include "stockpot/landscape/shifts.h"

namespace stockpot::cli {

// The models of all results: folders of runs (results.json), documents of `eval --json` (the
// learning rate from params.json beside a model's folder) and tables. Throws UsageError when there
// is no ID set, naming the sets that there are; FormatError for what is no result.
landscape::ShiftTable read_results(const ShiftsArgs& args);

}  // namespace stockpot::cli
