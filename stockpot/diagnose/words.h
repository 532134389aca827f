// Numbers for people; "-" for those that are not known. Private to the room.
#pragma once

#include <string>

namespace stockpot::diagnose {

std::string three(double value);    // three significant digits
std::string percent(double share);  // "12.3 %"

}  // namespace stockpot::diagnose
