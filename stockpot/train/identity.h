// What has to be the same for a run to be continued with the same result.
#pragma once

#include <string>
#include <vector>

#include "stockpot/base/json.h"

namespace stockpot {

// One line for every member that differs, at any depth, each naming the member and both values:
// "training.learning_rate was 0.001 and is 0.0003". Long values are cut.
std::vector<std::string> identity_differences(const Json& saved, const Json& now);

}  // namespace stockpot
