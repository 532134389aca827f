#include "stockpot/evaluator/ram_folder.h"

#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <charconv>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

constexpr const char* kFolder = "/dev/shm";

// MemAvailable of /proc/meminfo in bytes; no bound when it cannot be read.
std::uint64_t free_memory() {
  std::string text;
  try {
    text = read_file("/proc/meminfo", 1 << 20);
  } catch (const FormatError&) {
    return UINT64_MAX;
  }
  constexpr std::string_view kName = "MemAvailable:";
  const std::size_t at = text.find(kName);
  if (at == std::string::npos) return UINT64_MAX;
  const std::string_view rest = trim(std::string_view(text).substr(at + kName.size()));
  std::uint64_t kilobytes = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), kilobytes);
  return kilobytes * 1024;
}

}  // namespace

fs::path ram_folder(std::uint64_t bytes) {
  struct statfs room {};
  if (::statfs(kFolder, &room) != 0 || room.f_type != TMPFS_MAGIC) return {};
  if (::access(kFolder, W_OK | X_OK) != 0) return {};
  const std::uint64_t available =
      static_cast<std::uint64_t>(room.f_bavail) * static_cast<std::uint64_t>(room.f_bsize);
  // The evaluator needs memory for the same model once more.
  return available > bytes && free_memory() / 2 > bytes ? fs::path(kFolder) : fs::path();
}

}  // namespace stockpot
