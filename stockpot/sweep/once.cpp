#include "stockpot/sweep/once.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "stockpot/base/error.h"

namespace stockpot {
namespace {

// 0 or the errno; EEXIST when the target is there.
int rename_if_absent(const fs::path& from, const fs::path& to) {
  // A link is exclusive on every file system that has links, network ones included.
  if (::link(from.c_str(), to.c_str()) == 0) {
    ::unlink(from.c_str());
    return 0;
  }
  const int failure = errno;
  if (failure == EEXIST) {
    // The reply of a network file system may be lost: then the repeated call finds our own link.
    struct stat status;
    const bool ours = ::stat(from.c_str(), &status) == 0 && status.st_nlink == 2;
    if (ours) ::unlink(from.c_str());
    return ours ? 0 : EEXIST;
  }
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  return errno == EINVAL || errno == ENOSYS ? failure : errno;
}

}  // namespace

bool publish_once(const fs::path& staging, const fs::path& target, std::string_view text) {
  write_file(staging, text);
  const int failure = rename_if_absent(staging, target);
  if (failure != 0) ::unlink(staging.c_str());
  if (failure == EEXIST) return false;
  if (failure != 0) throw WriteError(target, "put the finished file in place", failure);
  const int folder = ::open(target.parent_path().c_str(), O_RDONLY | O_CLOEXEC);
  if (folder >= 0) {
    fsync(folder);  // a file system that cannot sync folders has nothing to sync
    ::close(folder);
  }
  return true;
}

bool create_once(const fs::path& file, std::string_view contents) {
  int descriptor = -1;
  do {
    descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0 && errno == EEXIST) return false;
  if (descriptor < 0) throw WriteError(file, "create", errno);
  const ssize_t written = ::write(descriptor, contents.data(), contents.size());
  const int failure = written < 0 ? errno : ENOSPC;
  ::close(descriptor);
  if (written == static_cast<ssize_t>(contents.size())) return true;
  ::unlink(file.c_str());
  throw WriteError(file, "write", failure);
}

}  // namespace stockpot
