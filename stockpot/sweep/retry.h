// Trials that were given up, tried again.
#pragma once

#include <string>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/sweep/plan_file.h"

namespace stockpot {

// Puts failed and diverged trials back: their failures so far do not count any more. Those in
// `ids`, or all of them when it is empty. A diverged one begins anew: its state goes into the
// folder of the attempt that diverged. Returns the ids that were put back, in the list's order.
// Throws UsageError when an id is unknown or its trial neither failed nor diverged; WriteError.
std::vector<std::string> put_back(const fs::path& sweep, const SweepPlan& plan,
                                  const std::vector<std::string>& ids);

}  // namespace stockpot
