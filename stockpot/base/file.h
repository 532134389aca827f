// Files: whole reads, read-only maps, and outputs that appear whole or not at all
// (write to a temporary name in the same folder, fsync, rename, fsync the folder).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace stockpot {

namespace fs = std::filesystem;

// The whole file. Throws FormatError when it cannot be read, is not a regular file, or is
// larger than `limit` bytes.
std::string read_file(const fs::path& file, std::uint64_t limit = std::uint64_t{1} << 32);

// A regular file mapped read-only. A file that another process truncates while it is mapped
// ends the program with a clear message and exit code 3, not with SIGBUS.
class MappedFile {
 public:
  // Throws FormatError: missing, not a regular file (FIFO, device, folder), unreadable.
  explicit MappedFile(const fs::path& file);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  std::span<const std::byte> bytes_;
};

// Lets go of the memory behind bytes that were read and are not needed for now: pages of mapped
// files are dropped (reading them again maps them again), anything else is left alone. Keeps the
// memory of a pass over large files small. `margin` bytes before and behind go too: the kernel maps
// neighbours of what is read.
void release_pages(std::span<const std::byte> bytes, std::size_t margin = 0);
inline constexpr std::size_t kNeighbours = 1 << 20;  // as far as the kernel maps around a page

// Writes `target` atomically. Throws WriteError and leaves an existing target as it was.
void write_file(const fs::path& target, std::string_view contents);

// The same for outputs too large to hold: `write` is called once with a sink that appends.
// `size` > 0 is reserved on the disk first, so that a full disk is met before any writing.
using ByteSink = std::function<void(std::span<const std::byte>)>;
void write_file(const fs::path& target, std::uint64_t size,
                const std::function<void(const ByteSink&)>& write);

// A folder that is built under a temporary name beside `target` and appears by one rename.
// Destroyed without publish(), it removes what was built.
class PendingFolder {
 public:
  explicit PendingFolder(const fs::path& target);
  ~PendingFolder();
  PendingFolder(const PendingFolder&) = delete;
  const fs::path& path() const { return temporary_; }  // write your files in here
  // fsyncs the files, renames onto target. Throws WriteError when target exists already,
  // unless `replace`: then the old folder is removed after the rename.
  // Without `sync` nothing waits for the disk.
  void publish(bool replace = false, bool sync = true);

 private:
  fs::path target_, temporary_;
  bool published_ = false;
};

// Removes temporary files and folders that dead processes left in `folder`.
void remove_leftovers(const fs::path& folder);

// Appends one line to a log and flushes it to the kernel; creates the file when missing.
// Starts on a new line when the last one was torn. Throws WriteError.
void append_line(const fs::path& file, std::string_view line);

// An exclusive lock on a folder, held while the object lives (released by the kernel when
// the process dies). Throws BusyError naming the holder's host and process.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace stockpot
