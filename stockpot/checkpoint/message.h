// Pieces of error messages about names that came from files.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "stockpot/base/text.h"

namespace stockpot {

inline std::string in_quotes(std::string_view name) { return "'" + printable(name) + "'"; }

// Up to three of the names: a wrong pair of files may disagree about thousands.
inline std::string some_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 3); ++i)
    text += (i == 0 ? "" : ", ") + in_quotes(names[i]);
  if (names.size() > 3) text += " and " + std::to_string(names.size() - 3) + " more";
  return text;
}

}  // namespace stockpot
