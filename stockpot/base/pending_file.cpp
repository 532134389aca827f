// Outputs that appear whole or not at all: reserve, write under a temporary name, fsync,
// rename, fsync the folder.
#include "stockpot/base/pending_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "stockpot/base/error.h"
#include "stockpot/base/posix.h"
#include "stockpot/base/text.h"

namespace stockpot {

PendingFile::PendingFile(const fs::path& target) : target_(without_trailing_slash(target)) {
  // Only a dead process with our number can have left the same name.
  do {
    temporary_ = temporary_beside(target_);
    descriptor_ = open_file(temporary_, O_WRONLY | O_CREAT | O_EXCL).release();
  } while (descriptor_ < 0 && errno == EEXIST);
  if (descriptor_ < 0) throw WriteError(target_, "create a file in this folder", errno);
}

PendingFile::~PendingFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!published_) ::unlink(temporary_.c_str());
}

void PendingFile::reserve(std::uint64_t size) {
  const std::string action = "reserve " + human_bytes(size);
  struct statvfs space;
  const double wanted = 1.05 * static_cast<double>(size);  // 5 % for what others write
  if (fstatvfs(descriptor_, &space) == 0 && space.f_blocks > 0) {
    const double free = static_cast<double>(space.f_bavail) * static_cast<double>(space.f_frsize);
    if (free < wanted) throw WriteError(target_, action, ENOSPC);
  }
  int failure = EINTR;
  while (failure == EINTR) failure = posix_fallocate(descriptor_, 0, static_cast<off_t>(size));
  // Not every file system can reserve; the writes will tell then.
  if (failure != 0 && failure != EINVAL && failure != EOPNOTSUPP)
    throw WriteError(target_, action, failure);
  reserved_ = size;
}

void PendingFile::append(std::span<const std::byte> bytes) {
  write_at(appended_, bytes);
  appended_ += bytes.size();
}

void PendingFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  std::uint64_t place = offset;
  while (!bytes.empty()) {
    const ssize_t count =
        ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(place));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      throw WriteError(target_,
                       "write " + human_bytes(bytes.size()) + " after " + human_bytes(place),
                       count < 0 ? errno : ENOSPC);
    }
    place += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void PendingFile::start_sync(std::uint64_t offset, std::uint64_t count) {
  // Only a hint: what it could not start, publish() does.
  sync_file_range(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(count),
                  SYNC_FILE_RANGE_WRITE);
}

void PendingFile::publish(std::uint64_t size, bool sync) {
  if (size < reserved_ && ftruncate(descriptor_, static_cast<off_t>(size)) != 0)
    throw WriteError(target_, "cut the reserved space", errno);
  // A failed fsync is never repeated: the kernel may have dropped the pages already.
  if (sync && fsync(descriptor_) != 0) throw WriteError(target_, "bring to the disk", errno);
  Descriptor closing(std::exchange(descriptor_, -1));
  if (const int failure = closing.close()) throw WriteError(target_, "close", failure);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0)
    throw WriteError(target_, "rename the finished file", errno);
  published_ = true;
  if (!sync) return;
  if (const int failure = sync_path(folder_of(target_)))
    throw WriteError(folder_of(target_), "bring to the disk", failure);
}

void write_file(const fs::path& target, std::string_view contents) {
  write_file(target, contents.size(),
             [&](const ByteSink& sink) { sink(std::as_bytes(std::span(contents))); });
}

void write_file(const fs::path& target, std::uint64_t size,
                const std::function<void(const ByteSink&)>& write) {
  PendingFile file(target);
  if (size > 0) file.reserve(size);
  std::uint64_t written = 0;
  write([&](std::span<const std::byte> bytes) {
    file.append(bytes);
    written += bytes.size();
  });
  file.publish(written);
}

}  // namespace stockpot
