// Findings as lines and as JSON. Private to the room.
#pragma once

#include <string>
#include <string_view>

#include "stockpot/base/json.h"
#include "stockpot/compare/finding.h"

namespace stockpot {

// "  warning  text", wrapped at the width; the lines after the first are indented.
std::string finding_line(std::string_view word, const std::string& text, std::size_t width);

Json to_json(const Finding& finding);

}  // namespace stockpot
