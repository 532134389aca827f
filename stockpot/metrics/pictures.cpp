#include "stockpot/metrics/pictures.h"

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <unordered_set>

namespace stockpot {

std::string_view picture_of(std::string_view id) {
  // "@name:severity" at the end, as the sources of data write it.
  const std::size_t at = id.rfind('@');
  if (at == std::string_view::npos || id.size() < at + 4) return id;
  const std::string_view name = id.substr(at + 1, id.size() - at - 3);
  const bool corrupted =
      id[id.size() - 2] == ':' && id.back() >= '1' && id.back() <= '5' &&
      std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
  return corrupted ? id.substr(0, at) : id;
}

std::vector<std::size_t> Pictures::numbers() const {
  std::unordered_map<std::size_t, std::size_t> places;
  std::vector<std::size_t> result;
  result.reserve(of_rows.size());
  for (const std::size_t picture : of_rows)
    result.push_back(places.try_emplace(picture, places.size()).first->second);
  return result;
}

Pictures pictures_of(std::span<const std::string> ids) {
  Pictures pictures;
  for (const std::string& id : ids) {
    const std::string_view picture = picture_of(id);
    pictures.corrupted |= picture.size() < id.size();
    pictures.of_rows.push_back(std::hash<std::string_view>()(picture));
  }
  if (!pictures.corrupted) return pictures;
  const std::unordered_set<std::size_t> distinct(pictures.of_rows.begin(), pictures.of_rows.end());
  pictures.copies = distinct.size() < pictures.of_rows.size();
  return pictures;
}

}  // namespace stockpot
