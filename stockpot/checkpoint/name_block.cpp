#include "stockpot/checkpoint/name_block.h"

#include <algorithm>
#include <vector>

namespace stockpot {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_index(std::string_view part) {
  return !part.empty() && std::all_of(part.begin(), part.end(), is_digit);
}

std::vector<std::string_view> parts_of(std::string_view name) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t dot = name.find('.');
    parts.push_back(name.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    name.remove_prefix(dot + 1);
  }
}

// "stages.0.blocks.1", "blocks.0.0": the second number counts blocks too. The lists inside a
// block have other names ("layer.0.conv.2"); T5's "block.0.layer.1" is one of those.
std::size_t parts_in_block(const std::vector<std::string_view>& parts) {
  const std::size_t modules = parts.size() - 1;  // the last part names the parameter
  for (std::size_t i = 0; i < modules; ++i) {
    if (!is_index(parts[i])) continue;
    std::size_t count = i + 1;
    if (count < modules && is_index(parts[count])) return count + 1;
    if (count + 1 < modules && (parts[count] == "blocks" || parts[count] == "layers") &&
        is_index(parts[count + 1]))
      return count + 2;
    return count;
  }
  return std::min<std::size_t>(modules, 2);
}

}  // namespace

std::string block_of(std::string_view tensor_name) {
  const std::vector<std::string_view> parts = parts_of(tensor_name);
  const std::size_t count = parts_in_block(parts);
  if (count == 0) return std::string(tensor_name);
  std::string block(parts[0]);
  for (std::size_t i = 1; i < count; ++i) block += "." + std::string(parts[i]);
  return block;
}

bool natural_less(std::string_view a, std::string_view b) {
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
      continue;
    }
    const std::size_t a_end = std::min(a.find_first_not_of("0123456789", i), a.size());
    const std::size_t b_end = std::min(b.find_first_not_of("0123456789", j), b.size());
    const std::string_view first = a.substr(i, a_end - i), second = b.substr(j, b_end - j);
    if (first.size() != second.size()) return first.size() < second.size();
    if (first != second) return first < second;
    i = a_end, j = b_end;
  }
  return a.size() - i < b.size() - j;
}

}  // namespace stockpot
