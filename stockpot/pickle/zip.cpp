#include "stockpot/pickle/zip.h"

#include <algorithm>
#include <numeric>

#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/text.h"
#include "stockpot/pickle/zip_records.h"

namespace stockpot {
namespace {

constexpr std::uint64_t kMostEntries = 1'000'000;
constexpr std::size_t kLongestName = 1024;
constexpr std::uint64_t kLargestUnpacked = 64'000'000;  // beyond this, a ratio over 100 is a bomb
constexpr std::uint64_t kHighestRatio = 100;
constexpr std::uint64_t kSmallestRecord = 46;
constexpr std::uint16_t kStored = 0, kDeflated = 8;

std::string quoted(std::string_view name) { return "'" + printable(name.substr(0, 200)) + "'"; }

bool has_parent_folder(std::string_view name) {
  while (true) {
    const std::size_t slash = name.find('/');
    if (name.substr(0, slash) == "..") return true;
    if (slash == std::string_view::npos) return false;
    name.remove_prefix(slash + 1);
  }
}

void check_name(const ZipSource& source, std::string_view name) {
  const auto refuse = [&](const char* problem) {
    source.refuse("the zip entry name " + quoted(name) + " " + problem);
  };
  if (name.empty()) refuse("is empty");
  if (name.size() > kLongestName) refuse("is longer than 1024 bytes");
  if (name.front() == '/' || (name.size() > 1 && name[1] == ':')) refuse("is absolute");
  if (name.find('\\') != std::string_view::npos) refuse("has a backslash");
  if (name.find('\0') != std::string_view::npos) refuse("has a NUL");
  if (has_parent_folder(name)) refuse("leads out of the archive");
  if (!is_utf8(name)) refuse("is not UTF-8");
}

void check_record(const ZipSource& source, const ZipRecord& record) {
  check_name(source, record.name);
  const std::string entry = "the zip entry " + quoted(record.name);
  if ((record.flags & 0x41) != 0) source.refuse(entry + " is encrypted");
  if ((record.flags & 0x20) != 0) source.refuse(entry + " is a patch of another file");
  if (record.method != kStored && record.method != kDeflated)
    source.refuse(entry + " is packed by method " + std::to_string(record.method) +
                  ", expected 0 (stored)");
  if (record.method == kStored && record.size != record.stored_size)
    source.refuse(entry + " is stored but claims " + std::to_string(record.size) + " bytes in " +
                  std::to_string(record.stored_size));
  if (record.size > kLargestUnpacked && record.size / kHighestRatio > record.stored_size)
    source.refuse(entry + " would unpack " + human_bytes(record.stored_size) + " into " +
                  human_bytes(record.size) + " (a zip bomb?)");
}

// The entries must fill the file from its first byte to the directory.
void check_layout(const ZipSource& source, std::vector<ZipRecord>& records,
                  std::vector<ZipEntry>& entries, std::uint64_t directory) {
  std::vector<std::uint32_t> order(records.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return records[a].header < records[b].header;
  });
  const std::uint64_t first = order.empty() ? directory : records[order[0]].header;
  if (first != 0)
    source.refuse(std::to_string(first) +
                  " bytes come before the first zip entry; nothing may come before it");
  for (std::size_t i = 0; i < order.size(); ++i) {
    const ZipRecord& record = records[order[i]];
    const std::uint64_t begin = check_local_header(source, record);
    const std::uint64_t end = i + 1 < order.size() ? records[order[i + 1]].header : directory;
    source.at(begin, record.stored_size, "the zip entry " + quoted(record.name));
    check_descriptor(source, record, begin + record.stored_size, end);
    entries[order[i]].begin = begin;
  }
}

}  // namespace

ZipArchive parse_zip(std::span<const std::byte> archive, const fs::path& origin) {
  const ZipSource source{archive, origin};
  const ZipEnd end = read_zip_end(source);
  if (end.count > kMostEntries || end.count > end.directory_size / kSmallestRecord)
    source.refuse("the zip directory of " + std::to_string(end.directory_size) + " bytes claims " +
                  std::to_string(end.count) + " entries, the limit is " +
                  std::to_string(std::min(kMostEntries, end.directory_size / kSmallestRecord)));
  ZipArchive zip;
  zip.archive_ = archive;
  zip.origin_ = origin;
  std::vector<ZipRecord> records;
  records.reserve(end.count);
  zip.entries_.reserve(end.count);
  std::uint64_t offset = end.directory;
  for (std::uint64_t i = 0; i < end.count; ++i) {
    const ZipRecord record = read_directory_record(source, offset);
    check_record(source, record);
    records.push_back(record);
    zip.entries_.push_back(
        {record.name, 0, record.size, record.stored_size, record.crc, record.method != kStored});
  }
  if (offset != end.directory + end.directory_size)
    source.refuse("the zip directory holds more than its " + std::to_string(end.count) +
                  " entries");
  zip.by_name_.resize(records.size());
  std::iota(zip.by_name_.begin(), zip.by_name_.end(), 0u);
  std::sort(zip.by_name_.begin(), zip.by_name_.end(),
            [&](std::uint32_t a, std::uint32_t b) { return records[a].name < records[b].name; });
  for (std::size_t i = 1; i < records.size(); ++i)
    if (records[zip.by_name_[i]].name == records[zip.by_name_[i - 1]].name)
      source.refuse("two zip entries are named " + quoted(records[zip.by_name_[i]].name));
  check_layout(source, records, zip.entries_, end.directory);
  return zip;
}

const ZipEntry* ZipArchive::find(std::string_view name) const {
  const auto place = std::lower_bound(
      by_name_.begin(), by_name_.end(), name,
      [&](std::uint32_t index, std::string_view wanted) { return entries_[index].name < wanted; });
  return place != by_name_.end() && entries_[*place].name == name ? &entries_[*place] : nullptr;
}

std::span<const std::byte> ZipArchive::bytes(const ZipEntry& entry) const {
  if (entry.compressed)
    throw FormatError(origin_, "the zip entry " + quoted(entry.name) +
                                   " is compressed; torch.save stores its entries: unpack the "
                                   "archive and save the model again with torch.save");
  return archive_.subspan(entry.begin, entry.stored_size);
}

std::span<const std::byte> ZipArchive::checked_bytes(const ZipEntry& entry) const {
  const std::span<const std::byte> found = bytes(entry);
  if (crc32_of(found) != entry.crc)
    throw FormatError(origin_, "the bytes of the zip entry " + quoted(entry.name) +
                                   " do not have its CRC: damaged, or written with "
                                   "torch.serialization.set_crc32_options(False)");
  return found;
}

}  // namespace stockpot
