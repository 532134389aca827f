// shifts.html: ID against OOD with its lines, and the learning rate against the drop.
#pragma once

#include <string>

#include "stockpot/landscape/shifts.h"

namespace stockpot::cli {

std::string shifts_page(const landscape::ShiftStudy& study);

}  // namespace stockpot::cli
