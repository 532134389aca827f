// Tables for terminals: columns side by side, at most as wide as the terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace stockpot {

struct TextColumn {
  std::string title;
  bool right = false;    // numbers stand under each other at their last digit
  bool shrinks = false;  // gives way when the table is too wide: cut in the middle
};

// Cells must be safe to print already. Widths are counted in code points.
class TextTable {
 public:
  explicit TextTable(std::vector<TextColumn> columns) : columns_(std::move(columns)) {}

  // Missing cells at the end are empty.
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  // Lines that end in a newline, two spaces from the left; the titles come first.
  std::string text(std::size_t width) const;

 private:
  std::vector<TextColumn> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Code points of UTF-8 text.
std::size_t text_width(std::string_view text);
// Filled up with spaces at its end, or at its start.
std::string padded(std::string text, std::size_t width);
std::string right_aligned(std::string text, std::size_t width);
// At most `width` code points: the middle becomes "...", since the ends of tensor names and
// paths tell most.
std::string shortened(const std::string& text, std::size_t width);

}  // namespace stockpot
