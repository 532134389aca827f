// A strict reader of zip and zip64 archives, as torch.save and torch.jit.save write them.
//
// Programs that scan archives and programs that load them have been played off against each
// other wherever two readers could see two different archives. So whatever is said twice must
// agree here, and every byte must belong to something: the entries follow each other from byte
// 0 without hole or overlap, then come the directory and one end record, then nothing. Names
// are unique, relative and free of "..", backslashes and NUL. Nothing is ever unpacked: torch
// stores its records, and only the source texts of TorchScript (code/) are compressed, which
// nobody here reads. All other entries that are compressed can be listed but not read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "stockpot/base/file.h"

namespace stockpot {

struct ZipEntry {
  std::string_view name;    // lies in the archive
  std::uint64_t begin = 0;  // where its bytes begin
  std::uint64_t size = 0;   // of what it holds
  std::uint64_t stored_size = 0;
  std::uint32_t crc = 0;
  bool compressed = false;
};

class ZipArchive {
 public:
  const std::vector<ZipEntry>& entries() const { return entries_; }  // in the directory's order
  const ZipEntry* find(std::string_view name) const;                 // nullptr when absent

  // The bytes of an entry, where they lie. Throws FormatError for a compressed one. Their CRC
  // is not looked at: that would read all tensors of a file that is only listed.
  std::span<const std::byte> bytes(const ZipEntry& entry) const;
  // The same after comparing the CRC: for records that are read as a whole, and for whoever
  // verifies a file.
  std::span<const std::byte> checked_bytes(const ZipEntry& entry) const;

 private:
  friend ZipArchive parse_zip(std::span<const std::byte> archive, const fs::path& origin);

  std::span<const std::byte> archive_;
  fs::path origin_;
  std::vector<ZipEntry> entries_;
  std::vector<std::uint32_t> by_name_;  // indices into entries_
};

// Reads the directory and all local headers, no contents. `archive` must outlive the result;
// `origin` names it in errors. Throws FormatError naming the entry and what disagrees.
ZipArchive parse_zip(std::span<const std::byte> archive, const fs::path& origin);

}  // namespace stockpot
