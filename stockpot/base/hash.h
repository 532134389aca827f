// Content hashes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace stockpot {

// Lower-case hexadecimal SHA-256 of the bytes.
std::string sha256(std::span<const std::byte> bytes);
std::string sha256(std::string_view text);

}  // namespace stockpot
