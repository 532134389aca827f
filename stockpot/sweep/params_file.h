// params.json of a trial: what it is trained with, beside what came of it.
#pragma once

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"

namespace stockpot {

// Writes params.json when it is absent or torn; true when it was torn. Throws UsageError naming
// the first difference when the folder was made with other parameters, WriteError.
bool check_params(const fs::path& trial_folder, const Json& params);

// "lr is 0.001 there, 0.0003 here": the first member that differs, "" when none does.
std::string first_difference(const Json& there, const Json& here);

}  // namespace stockpot
