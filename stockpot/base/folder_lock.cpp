// One process a folder, by flock(2): the kernel lets go when the process dies.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/posix.h"
#include "stockpot/base/text.h"

namespace stockpot {

namespace {

// What the holder wrote about itself, "<host> process <pid>", and for how long.
std::string holder_of(int descriptor) {
  std::string text(512, '\0');
  const ssize_t got = ::pread(descriptor, text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  const std::string holder = printable(trim(text));
  struct stat status;
  if (holder.empty() || fstat(descriptor, &status) != 0) return "another process";
  // For the reader only: nothing is decided by comparing clocks.
  const double age = std::difftime(std::time(nullptr), status.st_mtime);
  return holder + ", since " + human_duration(age);
}

int lock(int descriptor) {
  for (;;) {
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return 0;
    if (errno != EINTR) return errno;
  }
}

}  // namespace

FolderLock::FolderLock(const fs::path& folder) {
  const fs::path file = folder / ".lock";
  Descriptor descriptor = open_file(file, O_RDWR | O_CREAT);
  if (!descriptor) throw WriteError(file, "open", errno);
  if (const int failure = lock(descriptor.number()); failure == EWOULDBLOCK) {
    throw BusyError(printable(folder.native()) + ": in use by " + holder_of(descriptor.number()));
  } else if (failure != 0) {
    throw WriteError(file, "lock", failure);
  }
  const std::string holder = host_name() + " process " + std::to_string(getpid()) + "\n";
  int failure = ::ftruncate(descriptor.number(), 0) == 0 ? 0 : errno;
  if (failure == 0) failure = write_all(descriptor.number(), std::as_bytes(std::span(holder)));
  if (failure != 0) throw WriteError(file, "write the holder", failure);
  descriptor_ = descriptor.release();
}

// The file stays: removing it would let two processes lock two files of one name.
FolderLock::~FolderLock() { ::close(descriptor_); }

}  // namespace stockpot
