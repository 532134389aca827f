// Data sets named by flags.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "stockpot/data/spec.h"

namespace stockpot::cli {

// The union of PATH[,key=value...] sources.
DataSpec parse_sources(const std::vector<std::string>& sources);

// [NAME=]SOURCE, sources of one name joined; without a name, the path's stem. In order of
// first appearance.
std::vector<std::pair<std::string, DataSpec>> parse_named_sources(
    const std::vector<std::string>& sources);

}  // namespace stockpot::cli
