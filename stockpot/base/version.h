// The version, said once: CMake reads it from here.
#pragma once

#include <string_view>

namespace stockpot {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace stockpot
