// What a person reads at the end of a run.
#pragma once

#include <string>

#include "cli/commands.h"
#include "stockpot/report/run_report.h"

namespace stockpot::cli {

// The table, as wide as the terminal, and under it what it shows in plain sentences.
std::string summary(const RunReport& report, const CommandLine& line);

}  // namespace stockpot::cli
