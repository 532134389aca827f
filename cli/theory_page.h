// theory.html: a study as one page that loads nothing, with figures.
#pragma once

#include <string>

#include "stockpot/theory/study.h"

namespace stockpot::cli {

std::string theory_page(const theory::Study& study);

}  // namespace stockpot::cli
