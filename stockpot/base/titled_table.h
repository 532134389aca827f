// A table with its title and its explanation: how findings of one room are shown by others.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace stockpot {

// The texts are as they came: make them safe for where they are shown.
struct TitledTable {
  std::string title;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  std::size_t names = 1;  // leading columns that are names; the others are numbers
  std::string note;       // what the columns mean
};

// For a terminal, safe to print: the title, when there is one, with an empty line, and a TextTable
// of the rows, whose names shrink and whose numbers are at the right. The note is the caller's to
// wrap.
std::string text_without_note(const TitledTable& table, std::size_t width);

}  // namespace stockpot
