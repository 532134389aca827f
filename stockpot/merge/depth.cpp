#include "stockpot/merge/depth.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "stockpot/checkpoint/name_block.h"
#include "stockpot/checkpoint/tensor_role.h"

namespace stockpot {
namespace {

// "layer1.0" -> "layer#.#"; "" for a block without a number.
std::string family_of(const std::string& block) {
  std::string family;
  bool numbered = false, in_number = false;
  for (const char c : block) {
    const bool digit = c >= '0' && c <= '9';
    if (digit && !in_number) family += '#';
    if (!digit) family += c;
    in_number = digit;
    numbered |= digit;
  }
  return numbered ? family : "";
}

bool is_late(const std::string& name) {
  if (is_head(name)) return true;
  if (name.find("embed") != std::string::npos) return false;
  for (const char* word : {"norm", "pooler", "ln_f", "ln_post", "encoder.ln", "proj"})
    if (name.find(word) != std::string::npos) return true;
  return false;
}

}  // namespace

std::vector<double> depths(std::span<const std::string> names) {
  const auto less = [](const std::string& a, const std::string& b) { return natural_less(a, b); };
  std::map<std::string, std::set<std::string, decltype(less)>> families;
  for (const std::string& name : names) {
    const std::string block = block_of(name);
    if (const std::string family = family_of(block); !family.empty())
      families.try_emplace(family, less).first->second.insert(block);
  }
  std::vector<double> result;
  for (const std::string& name : names) {
    const std::string block = block_of(name), family = family_of(block);
    if (family.empty()) {
      result.push_back(is_late(name) ? 1 : 0);
      continue;
    }
    const auto& blocks = families.at(family);
    const auto place = std::distance(blocks.begin(), blocks.find(block));
    result.push_back(blocks.size() < 2
                         ? 0
                         : static_cast<double>(place) / static_cast<double>(blocks.size() - 1));
  }
  return result;
}

double at_depth(std::span<const double> points, double depth) {
  const double place = depth * static_cast<double>(points.size() - 1);
  const auto left = std::min(static_cast<std::size_t>(place), points.size() - 1);
  const std::size_t right = std::min(left + 1, points.size() - 1);
  const double share = place - static_cast<double>(left);
  return points[left] + share * (points[right] - points[left]);
}

}  // namespace stockpot
