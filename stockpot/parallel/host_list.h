// Slurm's short form of many host names: "node[01-03,7],gpu5".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stockpot {

// The names of a host list expression in its order, as `scontrol show hostnames` prints them:
// commas separate names, brackets hold numbers and ranges (leading zeros are kept), a name may
// have several brackets. Throws UsageError for an expression of another form or of more than
// 65536 hosts.
std::vector<std::string> hosts_of(std::string_view expression);

}  // namespace stockpot
