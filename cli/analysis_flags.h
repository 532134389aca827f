// Flags that commands which look at models on sets share: the sets, BatchNorm's statistics, and
// where the files go.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/analysis_commands.h"

namespace stockpot::cli {

// --recipe, --val, --id, --ood and --skip-bad. `held_out`: what --val says of itself.
void add_set_flags(CLI::App& app, AnalysisSets& sets, const std::string& held_out);

// --bn. `pictures`: whose recompute reads, such as "the held-out pictures".
void add_batchnorm_flag(CLI::App& app, AnalysisSets& sets, const std::string& pictures);

// `flag` for the folder of NAME.json and NAME.html; `note` ends its help.
void add_place_flag(CLI::App& app, AnalysisPlace& place, const std::string& name,
                    const std::string& flag = "-o,--out", const std::string& note = "");

// --overwrite and --dry-run, for commands that have no such flags of their own.
void add_rerun_flags(CLI::App& app, AnalysisPlace& place);

}  // namespace stockpot::cli
