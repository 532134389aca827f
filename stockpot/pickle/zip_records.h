// The records of a zip archive, one by one (APPNOTE 6.3.10, sections 4.3 and 4.5.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "stockpot/base/file.h"

namespace stockpot {

// What is being read, for errors.
struct ZipSource {
  std::span<const std::byte> bytes;
  const fs::path& origin;

  [[noreturn]] void refuse(const std::string& problem) const;
  // `size` bytes at `offset`. Throws FormatError when `what` leads past the end.
  const std::byte* at(std::uint64_t offset, std::uint64_t size, const std::string& what) const;
};

// Where the directory lies, from the end record and its zip64 form.
struct ZipEnd {
  std::uint64_t count = 0, directory = 0, directory_size = 0;
};
ZipEnd read_zip_end(const ZipSource& source);

// One entry as the directory tells it.
struct ZipRecord {
  std::string_view name;
  std::uint16_t flags = 0, method = 0;
  std::uint32_t crc = 0;
  std::uint64_t stored_size = 0, size = 0, header = 0;
  bool zip64 = false;  // has a zip64 field: its data descriptor is a long one
};
// Reads the record at `offset` and moves `offset` behind it.
ZipRecord read_directory_record(const ZipSource& source, std::uint64_t& offset);

// Compares the local header at record.header with the directory. Returns where the data begin.
std::uint64_t check_local_header(const ZipSource& source, const ZipRecord& record);

// Compares the data descriptor, if the record has one, that must fill the bytes from `begin`
// to `end`.
void check_descriptor(const ZipSource& source, const ZipRecord& record, std::uint64_t begin,
                      std::uint64_t end);

}  // namespace stockpot
