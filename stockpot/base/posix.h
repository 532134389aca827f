// What the file functions share: descriptors, whole writes and names of temporary files.
// For code that talks to the kernel itself; others use file.h.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace stockpot {

namespace fs = std::filesystem;

// An open file, closed when destroyed.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&&) = delete;

  int number() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  int release() { return std::exchange(number_, -1); }
  // Closes now; 0 or the errno. Some file systems report a failed write only here.
  int close();

 private:
  int number_;
};

// open(2) with O_CLOEXEC, repeated when interrupted; errno is set when the result is empty.
Descriptor open_file(const fs::path& file, int flags, mode_t mode = 0666);

// A regular file for reading. Throws FormatError saying what is there instead; a FIFO does
// not block. Sets `size` to the length at this moment.
Descriptor open_regular(const fs::path& file, std::size_t& size);

// All bytes, in spite of signals and short writes; 0 or the errno.
int write_all(int descriptor, std::span<const std::byte> bytes);

// fsync of a file or folder; 0 or the errno. A file system that cannot sync folders is
// taken to have nothing to sync.
int sync_path(const fs::path& path);

// The same path without a trailing slash, so that filename() is its last name.
fs::path without_trailing_slash(const fs::path& path);

// The folder that holds `target`, "." for a bare name.
fs::path folder_of(const fs::path& target);

// A name beside `target` that no other live process uses: ".<name>.tmp.<pid>.<nonce>",
// where the nonce is 8 hexadecimal digits naming this boot of this machine, then a counter.
fs::path temporary_beside(const fs::path& target);

// True for such a name made by a process that ran here and is dead. Files of other machines
// (on a shared disk), other containers and earlier boots are never claimed.
bool is_leftover(std::string_view name);

// The name of this machine, "unknown" when it has none.
std::string host_name();

}  // namespace stockpot
