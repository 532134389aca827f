// Read-only maps, and what happens when a mapped file shrinks (SIGBUS).
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <system_error>
#include <vector>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/pages.h"
#include "stockpot/base/posix.h"
#include "stockpot/base/text.h"

namespace stockpot {

namespace {

// One live map, in a list that the signal handler can walk at any moment: entries are never
// freed, only used again.
struct Entry {
  std::atomic<std::uintptr_t> begin = 0;  // 0: not in use
  std::atomic<std::size_t> size = 0;
  std::array<char, 512> name{};  // cut to this length, ends with '\0'
  Entry* next = nullptr;
};

std::atomic<Entry*> all_entries = nullptr;
std::mutex entries_mutex;  // for changes; the handler only reads
struct sigaction previous_action;

void write_error_text(const char* text) {
  if (::write(STDERR_FILENO, text, strlen(text)) < 0) return;  // nobody is left to be told
}

// Only calls that are safe in a signal handler.
void on_bus_error(int number, siginfo_t* info, void*) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (const Entry* entry = all_entries; entry != nullptr; entry = entry->next) {
    const std::uintptr_t begin = entry->begin;
    if (begin == 0 || address < begin || address - begin >= entry->size) continue;
    write_error_text("stockpot: ");
    write_error_text(entry->name.data());
    write_error_text(": became shorter or unreadable while it was being read\n");
    _exit(3);
  }
  // Not ours: the faulting instruction runs again under whatever was set before.
  sigaction(number, &previous_action, nullptr);
}

void install_bus_handler() {
  struct sigaction action = {};
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = on_bus_error;
  sigaction(SIGBUS, &action, &previous_action);
}

void guard(const fs::path& file, std::span<const std::byte> bytes) {
  const std::lock_guard lock(entries_mutex);
  static const bool installed = (install_bus_handler(), true);
  static_cast<void>(installed);
  Entry* entry = all_entries;
  while (entry != nullptr && entry->begin != 0) entry = entry->next;
  const bool is_new = entry == nullptr;
  if (is_new) entry = new Entry;
  const std::string name = printable(file.native()).substr(0, entry->name.size() - 1);
  entry->name.fill('\0');
  name.copy(entry->name.data(), name.size());
  entry->size = bytes.size();
  entry->begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  if (is_new) {
    entry->next = all_entries;
    all_entries = entry;
  }
}

void unmap(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  {
    const std::lock_guard lock(entries_mutex);
    const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
    Entry* entry = all_entries;
    while (entry != nullptr && entry->begin != begin) entry = entry->next;
    if (entry != nullptr) entry->begin = 0;
  }
  munmap(const_cast<std::byte*>(bytes.data()), bytes.size());
}

}  // namespace

namespace {

// The whole pages of `bytes` that a map holds; empty outside of maps, where dropping pages would
// lose what is in them.
iovec droppable(std::span<const std::byte> bytes, std::size_t margin) {
  static const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  if (bytes.empty()) return {};
  auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  std::uintptr_t end = begin + bytes.size();
  for (const Entry* entry = all_entries; entry != nullptr; entry = entry->next) {
    const std::uintptr_t start = entry->begin, stop = start + entry->size;
    if (start == 0 || begin < start || end > stop) continue;
    begin = begin - start > margin ? begin - margin : start;
    end = stop - end > margin ? end + margin : stop;
    begin = (begin + page - 1) / page * page;
    // What is behind the last byte of the file belongs to its last page.
    end = end == stop ? (end + page - 1) / page * page : end / page * page;
    if (begin < end) return {reinterpret_cast<void*>(begin), end - begin};
    break;
  }
  return {};
}

// One call for many ranges of this process (Linux 6.14); false where the kernel has no such.
bool drop_at_once(std::span<const iovec> ranges) {
#ifdef SYS_process_madvise
  constexpr int kThisThread = -10000;  // PIDFD_SELF_THREAD
  constexpr std::size_t kMost = 1024;  // IOV_MAX
  for (; !ranges.empty(); ranges = ranges.subspan(std::min(ranges.size(), kMost))) {
    const std::span now = ranges.first(std::min(ranges.size(), kMost));
    std::size_t bytes = 0;
    for (const iovec& range : now) bytes += range.iov_len;
    const long done =
        syscall(SYS_process_madvise, kThisThread, now.data(), now.size(), MADV_DONTNEED, 0u);
    if (done < 0 || static_cast<std::size_t>(done) != bytes) return false;
  }
  return true;
#else
  return ranges.empty();
#endif
}

}  // namespace

void release_pages(std::span<const std::byte> bytes, std::size_t margin) {
  release_pages(std::span(&bytes, 1), margin);
}

void release_pages(std::span<const std::span<const std::byte>> pieces, std::size_t margin) {
  std::vector<iovec> ranges;
  for (const std::span<const std::byte> piece : pieces)
    if (const iovec range = droppable(piece, margin); range.iov_len > 0) ranges.push_back(range);
  if (ranges.size() > 1 && drop_at_once(ranges)) return;
  for (const iovec& range : ranges) madvise(range.iov_base, range.iov_len, MADV_DONTNEED);
}

namespace {

// A read-only map of a file. The kernel keeps large files in blocks of 2 MiB and, where a map has
// them at whole multiples of that, maps them whole: a few bytes of each of many files would take
// megabytes each. So the map begins a page behind such a place. MAP_FAILED and errno.
void* map_file(int descriptor, std::size_t size) {
  constexpr std::uintptr_t kBlock = std::uintptr_t{2} << 20;
  void* const plain = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (plain == MAP_FAILED || size < kBlock || reinterpret_cast<std::uintptr_t>(plain) % kBlock != 0)
    return plain;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t whole = (size + page - 1) / page * page;
  void* const room =
      mmap(nullptr, whole + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) return plain;
  auto* const begin = static_cast<std::byte*>(room);
  const bool aligned = reinterpret_cast<std::uintptr_t>(room) % kBlock == 0;
  munmap(aligned ? begin : begin + whole, page);  // the page too many
  void* const map =
      mmap(aligned ? begin + page : begin, size, PROT_READ, MAP_PRIVATE | MAP_FIXED, descriptor, 0);
  if (map == MAP_FAILED) return plain;
  munmap(plain, size);
  return map;
}

}  // namespace

MappedFile::MappedFile(const fs::path& file) : path_(file) {
  std::size_t size = 0;
  const Descriptor descriptor = open_regular(file, size);
  if (size == 0) return;  // mmap refuses an empty range
  void* const start = map_file(descriptor.number(), size);
  if (start == MAP_FAILED) {
    throw FormatError(file, "cannot map " + human_bytes(size) +
                                " into memory: " + std::generic_category().message(errno));
  }
  bytes_ = {static_cast<const std::byte*>(start), size};
  guard(path_, bytes_);
}

MappedFile::~MappedFile() { unmap(bytes_); }

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this == &other) return *this;
  unmap(bytes_);
  path_ = std::move(other.path_);
  bytes_ = std::exchange(other.bytes_, {});
  return *this;
}

}  // namespace stockpot
