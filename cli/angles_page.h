// angles.html: cosines of task vectors as a heat map, angles by block, and angle against gain.
#pragma once

#include <string>

#include "stockpot/landscape/task_angles.h"

namespace stockpot::cli {

// `gains` may be null.
std::string angles_page(const landscape::TaskAngles& angles, const landscape::GainStudy* gains);

}  // namespace stockpot::cli
