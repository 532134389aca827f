// Reading whole files, and the small functions that need neither maps nor renames.
#include "stockpot/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "stockpot/base/error.h"
#include "stockpot/base/posix.h"
#include "stockpot/base/text.h"

namespace stockpot {

std::string read_file(const fs::path& file, std::uint64_t limit) {
  std::size_t size = 0;
  const Descriptor descriptor = open_regular(file, size);
  const auto check = [&](std::size_t bytes) {
    if (bytes > limit) {
      throw FormatError(file, "has more than " + grouped(static_cast<std::int64_t>(limit)) +
                                  " bytes, the most that is read here");
    }
  };
  check(size);
  // One byte more shows the end; files in /proc claim size 0 and hold something.
  std::string text(size + 1, '\0');
  std::size_t filled = 0;
  for (;;) {
    const ssize_t got = ::read(descriptor.number(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw FormatError(file, "cannot read: " + std::generic_category().message(errno));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
    check(filled);
    if (filled == text.size()) text.resize(filled + (std::size_t{64} << 10));
  }
  text.resize(filled);
  return text;
}

void append_line(const fs::path& file, std::string_view line) {
  const Descriptor descriptor = open_file(file, O_RDWR | O_CREAT | O_APPEND);
  if (!descriptor) throw WriteError(file, "open for appending", errno);
  // A process that died while appending left half a line: keep ours apart from it.
  std::string text;
  struct stat status;
  char last = '\n';
  if (fstat(descriptor.number(), &status) == 0 && status.st_size > 0 &&
      ::pread(descriptor.number(), &last, 1, status.st_size - 1) == 1 && last != '\n') {
    text += '\n';
  }
  text.append(line).append("\n");
  if (const int failure = write_all(descriptor.number(), std::as_bytes(std::span(text)))) {
    throw WriteError(file, "append a line", failure);
  }
}

void remove_leftovers(const fs::path& folder) {
  std::error_code failure;
  for (fs::directory_iterator it(folder, failure), end; !failure && it != end;
       it.increment(failure)) {
    // Removing is a courtesy: what cannot be removed stays.
    std::error_code ignored;
    if (is_leftover(it->path().filename().native())) fs::remove_all(it->path(), ignored);
  }
}

}  // namespace stockpot
