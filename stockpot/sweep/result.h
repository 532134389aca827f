// What tables and lines say of a result.json.
#pragma once

#include <optional>
#include <string>

#include "stockpot/base/json.h"

namespace stockpot {

// "held_out" as a share in [0, 1]: a number, or {"correct", "total"}.
std::optional<double> held_out_of(const Json& result);
// "seconds", 0 when there are none.
double seconds_of(const Json& result);
// "83.21 %".
std::string percent_text(double share);

}  // namespace stockpot
