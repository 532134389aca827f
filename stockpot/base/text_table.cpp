#include "stockpot/base/text_table.h"

#include <algorithm>

namespace stockpot {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 16;  // of a column that shrinks

bool starts_code_point(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }

// The place of the n-th code point.
std::size_t place_of(std::string_view text, std::size_t n) {
  std::size_t place = 0;
  for (; place < text.size(); ++place)
    if (starts_code_point(text[place]) && n-- == 0) break;
  return place;
}

std::string without_trailing_spaces(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace

std::size_t text_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_code_point));
}

std::string padded(std::string text, std::size_t width) {
  const std::size_t own = text_width(text);
  if (own < width) text.append(width - own, ' ');
  return text;
}

std::string right_aligned(std::string text, std::size_t width) {
  const std::size_t own = text_width(text);
  if (own < width) text.insert(0, width - own, ' ');
  return text;
}

std::string shortened(const std::string& text, std::size_t width) {
  constexpr std::string_view kDots = "...";
  const std::size_t own = text_width(text);
  if (own <= width || width <= kDots.size()) return text;
  const std::size_t kept = width - kDots.size();
  const std::size_t head = kept / 3;  // the end of a name tells more than its start
  return text.substr(0, place_of(text, head)) + std::string(kDots) +
         text.substr(place_of(text, own - (kept - head)));
}

void TextTable::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::string TextTable::text(std::size_t width) const {
  std::vector<std::size_t> widths;
  std::size_t total = 0;
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    widths.push_back(text_width(columns_[column].title));
    for (const auto& row : rows_) widths.back() = std::max(widths.back(), text_width(row[column]));
    total += kGap + widths.back();
  }
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    if (!columns_[column].shrinks || total <= width) continue;
    const std::size_t least = std::min(widths[column], kNarrowest);
    const std::size_t cut = std::min(total - width, widths[column] - least);
    widths[column] -= cut;
    total -= cut;
  }
  std::string text;
  const auto add_line = [&](const auto& cell) {
    std::string line;
    for (std::size_t column = 0; column < columns_.size(); ++column) {
      const std::string shown = shortened(cell(column), widths[column]);
      line +=
          std::string(kGap, ' ') + (columns_[column].right ? right_aligned(shown, widths[column])
                                                           : padded(shown, widths[column]));
    }
    text += without_trailing_spaces(std::move(line)) + "\n";
  };
  add_line([&](std::size_t column) { return columns_[column].title; });
  for (const auto& row : rows_) add_line([&](std::size_t column) { return row[column]; });
  return text;
}

}  // namespace stockpot
