// Little-endian numbers at any address.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>

namespace stockpot {

static_assert(std::endian::native == std::endian::little, "files are read as they lie in memory");

// The caller has checked that sizeof(Number) bytes are there.
template <typename Number>
Number load_le(const std::byte* from) {
  Number number;
  std::memcpy(&number, from, sizeof number);
  return number;
}

}  // namespace stockpot
