// Tables as HTML, text and Markdown: how findings of other rooms come into a report, and how
// comparisons are shown.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "stockpot/base/titled_table.h"

namespace stockpot {

// Text that Markdown shows literally, within one cell of a table.
std::string markdown(std::string_view untrusted);

std::string html_of(const TitledTable& table);
std::string text_of(const TitledTable& table, std::size_t width);
std::string markdown_of(const TitledTable& table);

}  // namespace stockpot
