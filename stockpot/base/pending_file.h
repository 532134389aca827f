// A file being written under a temporary name beside its target; it appears by one rename.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "stockpot/base/file.h"

namespace stockpot {

class PendingFile {
 public:
  // Throws WriteError when nothing can be created beside `target`.
  explicit PendingFile(const fs::path& target);
  ~PendingFile();  // removes the file unless it was published
  PendingFile(const PendingFile&) = delete;

  // Makes room for `size` bytes: a full disk is met here, before anything is written.
  void reserve(std::uint64_t size);
  // Writes behind what was appended before.
  void append(std::span<const std::byte> bytes);
  // Writes at a place of the file; callable from several threads.
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  // Starts bringing these bytes to the disk, so that publish() has less to wait for.
  void start_sync(std::uint64_t offset, std::uint64_t count);
  // The file has `size` bytes, is on the disk (unless `sync` is false) and has its name. Throws
  // WriteError and leaves an existing target as it was.
  void publish(std::uint64_t size, bool sync = true);
  const fs::path& target() const { return target_; }

 private:
  fs::path target_, temporary_;
  int descriptor_ = -1;
  std::uint64_t reserved_ = 0, appended_ = 0;
  bool published_ = false;
};

}  // namespace stockpot
