// The name of a soup: the same for the same contents in any order.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "stockpot/base/hash.h"

namespace stockpot {

// SHA-256 over what the members hold.
inline std::string soup_key(std::vector<std::string> contents) {
  std::ranges::sort(contents);
  std::string text;
  for (const std::string& one : contents) text += one + "\n";
  return sha256(text);
}

// The same for some of many.
inline std::string soup_key(const std::vector<std::string>& contents,
                            const std::vector<std::size_t>& members) {
  std::vector<std::string> chosen;
  for (const std::size_t i : members) chosen.push_back(contents[i]);
  return soup_key(std::move(chosen));
}

}  // namespace stockpot
