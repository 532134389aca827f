// distortion.html: a diagnosis as one page that loads nothing and runs nothing.
#pragma once

#include <string>

#include "stockpot/diagnose/distortion.h"

namespace stockpot::cli {

std::string distortion_page(const diagnose::Distortion& distortion);

}  // namespace stockpot::cli
