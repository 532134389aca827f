// Content hashes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace stockpot {

// Lower-case hexadecimal SHA-256 of the bytes.
std::string sha256(std::span<const std::byte> bytes);
std::string sha256(std::string_view text);
// SHA-256 of a whole file of any size, in little memory. Throws FormatError when it cannot be read.
std::string sha256_of_file(const std::filesystem::path& file);

// CRC-32 as zip archives have it.
std::uint32_t crc32_of(std::span<const std::byte> bytes);

}  // namespace stockpot
