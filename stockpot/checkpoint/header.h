// The JSON header of a safetensors file, parsed and checked against the file's length.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "stockpot/checkpoint/dtype.h"

namespace stockpot {

inline constexpr std::uint64_t kLargestHeader = 100'000'000;

struct HeaderEntry {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<std::uint64_t> shape;
  std::uint64_t begin = 0, end = 0;  // bytes of the data buffer
};

struct Header {
  std::vector<HeaderEntry> entries;
  std::map<std::string, std::string> metadata;
  std::vector<std::string> unknown_fields;  // different names, each once
  std::uint64_t unknown_count = 0;
};

// The form: checks 4 and 5 of docs/formats.md, and no duplicate fields. Duplicate tensor
// names are found by whoever indexes the entries. Throws FormatError naming the byte.
Header parse_header(std::string_view json, const std::filesystem::path& file);

// The meaning: checks 6 to 10. Sorts the entries by (begin, end). `buffer_size` is the
// number of bytes after the header. Throws FormatError naming the tensor and the numbers.
void check_layout(std::vector<HeaderEntry>& entries, std::uint64_t buffer_size,
                  const std::filesystem::path& file);

}  // namespace stockpot
