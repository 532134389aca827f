// Folders that appear whole or not at all.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/posix.h"

namespace stockpot {

namespace {

// Everything below `folder`, then itself. Links are not followed: their target is not ours.
void sync_tree(const fs::path& folder) {
  const auto sync = [](const fs::path& path) {
    if (const int failure = sync_path(path)) throw WriteError(path, "bring to the disk", failure);
  };
  std::error_code failure;
  for (fs::recursive_directory_iterator it(folder, failure), end; !failure && it != end;
       it.increment(failure)) {
    const fs::file_status status = it->symlink_status(failure);
    if (!failure && (fs::is_regular_file(status) || fs::is_directory(status))) sync(it->path());
  }
  if (failure) throw WriteError(folder, "list", failure.value());
  sync(folder);
}

// rename(2) with flags; 0 or the errno.
int rename_with(const fs::path& from, const fs::path& to, unsigned flags) {
  return renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0 ? 0 : errno;
}

// Where the file system has no RENAME_NOREPLACE. The gap between look and rename is
// harmless: rename replaces an empty folder at most.
int rename_if_absent(const fs::path& from, const fs::path& to) {
  const int failure = rename_with(from, to, RENAME_NOREPLACE);
  if (failure != EINVAL) return failure;
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(to, ignored))) return EEXIST;
  return rename_with(from, to, 0);
}

}  // namespace

PendingFolder::PendingFolder(const fs::path& target) : target_(without_trailing_slash(target)) {
  do {
    temporary_ = temporary_beside(target_);
    if (::mkdir(temporary_.c_str(), 0777) == 0) return;
  } while (errno == EEXIST);
  throw WriteError(target_, "create a folder here", errno);
}

PendingFolder::~PendingFolder() {
  std::error_code ignored;
  if (!published_) fs::remove_all(temporary_, ignored);
}

void PendingFolder::publish(bool replace, bool sync) {
  if (sync) sync_tree(temporary_);
  int failure = rename_if_absent(temporary_, target_);
  fs::path old;
  if (failure == EEXIST && replace) {
    failure = rename_with(temporary_, target_, RENAME_EXCHANGE);
    old = temporary_;
    if (failure == EINVAL) {
      // No exchange on this file system: for a moment there is no folder at all.
      old = temporary_beside(target_);
      failure = rename_with(target_, old, 0);
      if (failure == 0) failure = rename_with(temporary_, target_, 0);
    }
  }
  if (failure != 0) throw WriteError(target_, "put the finished folder in place", failure);
  published_ = true;
  if (const int unsynced = sync ? sync_path(folder_of(target_)) : 0) {
    throw WriteError(folder_of(target_), "bring to the disk", unsynced);
  }
  // The new folder is in place; an old one that resists is a leftover of this process.
  std::error_code ignored;
  if (!old.empty()) fs::remove_all(old, ignored);
}

}  // namespace stockpot
