// Hand-made safetensors files, and where the shared models lie.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "stockpot/base/error.h"
#include "stockpot/checkpoint/safetensors.h"
#include "tests/base/message_of.h"
#include "tests/base/shared_folder.h"
#include "tests/base/temporary_folder.h"

namespace stockpot {

// For EXPECT_PRED2, which prints both.
inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline std::string length_field(std::uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> (8 * i) & 0xff);
  return bytes;
}

inline std::string raw_file(std::string_view header, std::size_t data_bytes) {
  return length_field(header.size()) + std::string(header) + std::string(data_bytes, '\0');
}

// The header of one tensor "a": entry("F32", "[1]", "[0,4]").
inline std::string entry(std::string_view dtype, std::string_view shape, std::string_view offsets) {
  return "{\"a\":{\"dtype\":\"" + std::string(dtype) + "\",\"shape\":" + std::string(shape) +
         ",\"data_offsets\":" + std::string(offsets) + "}}";
}

// What opening such a file says; "" when it opens.
inline std::string verdict(std::string_view contents) {
  const TemporaryFolder folder;
  const fs::path file = folder.put("model.safetensors", contents);
  try {
    const SafetensorsFile opened(file);
    return "";
  } catch (const FormatError& error) {
    return error.what();
  }
}

inline std::string verdict(std::string_view header, std::size_t data_bytes) {
  return verdict(raw_file(header, data_bytes));
}

inline fs::path fixture(std::string_view name) {
  return fs::path(STOCKPOT_SOURCE_DIR) / "tests/fixtures/checkpoint" / name;
}

inline fs::path shared_models() { return shared_folder() / "models"; }

}  // namespace stockpot
