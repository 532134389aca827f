#include "stockpot/base/posix.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"

namespace stockpot {

Descriptor::~Descriptor() { close(); }

int Descriptor::close() {
  // Never again after EINTR: Linux has freed the number already.
  const int number = release();
  return number >= 0 && ::close(number) != 0 && errno != EINTR ? errno : 0;
}

Descriptor open_file(const fs::path& file, int flags, mode_t mode) {
  for (;;) {
    const int number = ::open(file.c_str(), flags | O_CLOEXEC, mode);
    if (number >= 0 || errno != EINTR) return Descriptor(number);
  }
}

Descriptor open_regular(const fs::path& file, std::size_t& size) {
  Descriptor descriptor = open_file(file, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat status;
  if (!descriptor || fstat(descriptor.number(), &status) != 0) {
    throw FormatError(file, "cannot read: " + std::generic_category().message(errno));
  }
  if (S_ISDIR(status.st_mode)) throw FormatError(file, "is a folder, expected a file");
  if (!S_ISREG(status.st_mode)) {
    throw FormatError(file, "is a pipe, socket or device, expected a regular file");
  }
  size = static_cast<std::size_t>(status.st_size);
  return descriptor;
}

int write_all(int descriptor, std::span<const std::byte> bytes) {
  // Linux writes at most 2 GiB at once; smaller pieces let a signal be seen in time.
  constexpr std::size_t kMostAtOnce = std::size_t{64} << 20;
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), std::min(bytes.size(), kMostAtOnce));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return 0;
}

int sync_path(const fs::path& path) {
  const Descriptor descriptor = open_file(path, O_RDONLY);
  if (!descriptor) return errno;
  if (fsync(descriptor.number()) == 0) return 0;
  return errno == EINVAL || errno == ENOTSUP ? 0 : errno;
}

fs::path without_trailing_slash(const fs::path& path) {
  return path.has_filename() || !path.has_relative_path() ? path : path.parent_path();
}

fs::path folder_of(const fs::path& target) {
  return target.has_parent_path() ? target.parent_path() : fs::path(".");
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

namespace {

constexpr std::string_view kMark = ".tmp.";
constexpr std::size_t kPlaceDigits = 8;

// Where a process number has its meaning: this boot, this machine, this PID namespace.
const std::string& process_space() {
  static const std::string space = [] {
    std::array<char, 64> boot{};
    const Descriptor file = open_file("/proc/sys/kernel/random/boot_id", O_RDONLY);
    if (file && ::read(file.number(), boot.data(), boot.size() - 1) < 0) boot = {};
    std::array<char, 64> spaces{};
    if (::readlink("/proc/self/ns/pid", spaces.data(), spaces.size() - 1) < 0) spaces = {};
    const std::string all = host_name() + "\n" + boot.data() + "\n" + spaces.data();
    return sha256(all).substr(0, kPlaceDigits);
  }();
  return space;
}

}  // namespace

fs::path temporary_beside(const fs::path& target) {
  static std::atomic<unsigned> counter = 0;
  constexpr std::size_t kLongestName = 180;  // of 255, so that the temporary name fits too
  const std::string name = target.filename().native().substr(0, kLongestName);
  std::string temporary = "." + name + std::string(kMark) + std::to_string(getpid()) + "." +
                          process_space() + std::to_string(counter++);
  return target.parent_path() / temporary;
}

bool is_leftover(std::string_view name) {
  const std::size_t mark = name.rfind(kMark);
  if (!name.starts_with('.') || mark == std::string_view::npos) return false;
  name.remove_prefix(mark + kMark.size());
  pid_t process = 0;
  const auto end = std::from_chars(name.data(), name.data() + name.size(), process);
  if (end.ec != std::errc() || process <= 0) return false;
  name.remove_prefix(static_cast<std::size_t>(end.ptr - name.data()));
  if (!name.starts_with("." + process_space())) return false;
  name.remove_prefix(1 + kPlaceDigits);
  if (name.empty() || name.find_first_not_of("0123456789") != std::string_view::npos) return false;
  return ::kill(process, 0) != 0 && errno == ESRCH;
}

}  // namespace stockpot
