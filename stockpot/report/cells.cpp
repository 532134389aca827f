#include "stockpot/report/cells.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

#include "stockpot/base/text.h"

namespace stockpot {
namespace {

struct Range {
  std::uint32_t first, last;
};

// Blocks of combining marks (Unicode 15: Mn, Me, variation selectors), sorted.
constexpr std::array<Range, 16> kCombining = {{
    {0x0300, 0x036F},
    {0x0483, 0x0489},
    {0x0591, 0x05BD},
    {0x0610, 0x061A},
    {0x064B, 0x065F},
    {0x06D6, 0x06DC},
    {0x093A, 0x093C},
    {0x0941, 0x0948},
    {0x0E34, 0x0E3A},
    {0x0E47, 0x0E4E},
    {0x1AB0, 0x1AFF},
    {0x1DC0, 0x1DFF},
    {0x20D0, 0x20FF},
    {0xFE00, 0xFE0F},
    {0xFE20, 0xFE2F},
    {0xE0100, 0xE01EF},
}};

// Blocks of width W or F (Unicode 15, East Asian Width) and emoji, sorted.
constexpr std::array<Range, 11> kWide = {{
    {0x1100, 0x115F},
    {0x2E80, 0x303E},
    {0x3041, 0x33FF},
    {0x3400, 0x4DBF},
    {0x4E00, 0xA4CF},
    {0xA960, 0xA97F},
    {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},
    {0xFF00, 0xFF60},
    {0x1F300, 0x1FAFF},
    {0x20000, 0x3FFFD},
}};

template <std::size_t N>
bool contains(const std::array<Range, N>& ranges, std::uint32_t code) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), code,
                                      [](std::uint32_t c, const Range& r) { return c < r.first; });
  return after != ranges.begin() && code <= std::prev(after)->last;
}

// Takes one character off the front of well-formed UTF-8 and returns its cells.
std::size_t take(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t bytes = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  std::uint32_t code = bytes == 1 ? lead : lead & (0x7Fu >> bytes);
  for (std::size_t i = 1; i < std::min(bytes, text.size()); ++i) {
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3Fu);
  }
  text.remove_prefix(std::min(bytes, text.size()));
  return contains(kCombining, code) ? 0 : contains(kWide, code) ? 2 : 1;
}

}  // namespace

std::size_t cells(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) width += take(text);
  return width;
}

std::string pad_left(std::string_view text, std::size_t width) {
  const std::size_t used = cells(text);
  return std::string(width > used ? width - used : 0, ' ').append(text);
}

std::string pad_right(std::string_view text, std::size_t width) {
  const std::size_t used = cells(text);
  return std::string(text).append(width > used ? width - used : 0, ' ');
}

std::string shorten(std::string_view text, std::size_t width) {
  if (cells(text) <= width) return std::string(text);
  std::string_view rest = text;
  std::size_t used = 0, kept = 0;
  while (!rest.empty()) {
    used += take(rest);
    if (used + 1 > width) break;
    kept = text.size() - rest.size();
  }
  return std::string(text.substr(0, kept)) + "…";
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  for (const std::string& word : split(text, ' ')) {
    std::string& line = lines.back();
    if (line.empty()) {
      line = word;
    } else if (cells(line) + 1 + cells(word) <= width) {
      line.append(" ").append(word);
    } else {
      lines.push_back(word);
    }
  }
  return lines;
}

}  // namespace stockpot
