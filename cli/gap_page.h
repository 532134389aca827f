// gap.html: predicted against measured differences of soup and ensemble.
#pragma once

#include <string>

#include "stockpot/landscape/soup_gap.h"

namespace stockpot::cli {

std::string gap_page(const landscape::GapStudy& study);

}  // namespace stockpot::cli
