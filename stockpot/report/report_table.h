// A table with its title and its explanation, as text: how findings of other rooms come into a
// report, and how comparisons are shown.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "stockpot/base/json.h"

namespace stockpot {

// Names are as they came: the functions below make them safe for where they are shown.
struct ReportTable {
  std::string title;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  std::size_t names = 1;  // leading columns that are names; the others are numbers
  std::string note;       // what the columns mean
};

// Text that Markdown shows literally, within one cell of a table.
std::string markdown(std::string_view untrusted);

std::string html_of(const ReportTable& table);
std::string text_of(const ReportTable& table, std::size_t width);
std::string markdown_of(const ReportTable& table);

}  // namespace stockpot
