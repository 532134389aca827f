// One table of a sweep: what every trial was trained with and what came of it.
#pragma once

#include <string>

#include "stockpot/base/file.h"
#include "stockpot/sweep/board.h"
#include "stockpot/sweep/plan_file.h"

namespace stockpot {

struct SweepTable {
  std::vector<std::string> columns;     // id, state, held_out, seconds, attempts, params, results
  std::vector<std::vector<Json>> rows;  // null where a trial has no such value
};

// Parameters are named "params.lr", members of result.json "result.best_epoch", nested ones with
// more dots; lists are left as JSON. What a result says of its inputs is left out.
SweepTable sweep_table(const fs::path& sweep, const SweepPlan& plan);

// RFC 4180: a header, CRLF, quotes where a field needs them; null is empty.
std::string to_csv(const SweepTable& table);
Json to_json(const SweepTable& table);

}  // namespace stockpot
