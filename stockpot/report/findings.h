// What a run showed, in plain sentences computed from its numbers.
#pragma once

#include <string>
#include <vector>

#include "stockpot/report/run_report.h"
#include "stockpot/report/table.h"

namespace stockpot {

// The first sentence is the headline. Sentences compare LP-FT with FT, FT with LP, and the
// greedy soup with the best run and with the ensemble, as far as these were run. They
// say whether the 95 % intervals overlap or stand apart, and never name a cause. Text is
// printable().
std::vector<std::string> findings(const RunReport& report, const ResultTable& table);

}  // namespace stockpot
