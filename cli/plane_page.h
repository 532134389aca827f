// plane.html: maps of error and loss with the models marked.
#pragma once

#include <string>

#include "stockpot/landscape/plane.h"

namespace stockpot::cli {

std::string plane_page(const landscape::Plane& plane);

}  // namespace stockpot::cli
