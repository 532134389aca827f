// Which rows of a set show the same picture: five severities of one picture are five rows, but not
// five independent ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stockpot {

// The id of the picture that a row shows: "a/1.png@jpeg:3", a corrupted copy, shows "a/1.png".
std::string_view picture_of(std::string_view id);

struct Pictures {
  std::vector<std::size_t> of_rows;  // a hash of picture_of() each id; empty: rows have no ids
  bool corrupted = false;            // some row is a corrupted copy
  // Some picture has two rows, one of them corrupted or more: rows are not independent. Rows of
  // equal ids that nothing corrupted are other pictures.
  bool copies = false;

  // The pictures by row, from 0 in the order of their first rows. Only with ids.
  std::vector<std::size_t> numbers() const;
};
Pictures pictures_of(std::span<const std::string> ids);

}  // namespace stockpot
