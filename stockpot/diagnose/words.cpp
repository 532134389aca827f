#include "stockpot/diagnose/words.h"

#include <cmath>

#include "stockpot/base/text.h"

namespace stockpot::diagnose {

std::string three(double value) { return std::isfinite(value) ? significant(value, 3) : "-"; }

std::string percent(double share) {
  return std::isfinite(share) ? fixed(100 * share, 1) + " %" : "-";
}

}  // namespace stockpot::diagnose
