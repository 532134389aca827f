#include "stockpot/pickle/zip_records.h"

#include <limits>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/pickle/load.h"

namespace stockpot {
namespace {

constexpr std::uint32_t kLocalSignature = 0x04034b50, kDirectorySignature = 0x02014b50,
                        kEndSignature = 0x06054b50, kEnd64Signature = 0x06064b50,
                        kLocatorSignature = 0x07064b50, kDescriptorSignature = 0x08074b50;
constexpr std::uint64_t kLocalSize = 30, kDirectorySize = 46, kEndSize = 22, kEnd64Size = 56,
                        kLocatorSize = 20;
constexpr std::uint32_t kMost32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint16_t kMost16 = std::numeric_limits<std::uint16_t>::max();
constexpr std::uint16_t kHasDescriptor = 0x8;
constexpr std::uint16_t kUnicodePath = 0x7075;  // a second name: two readers, two names

std::uint16_t u16(const std::byte* at) { return load_le<std::uint16_t>(at); }
std::uint32_t u32(const std::byte* at) { return load_le<std::uint32_t>(at); }
std::uint64_t u64(const std::byte* at) { return load_le<std::uint64_t>(at); }

std::string quoted(std::string_view name) { return "'" + printable(name.substr(0, 200)) + "'"; }
std::string entry(const ZipRecord& record) { return "the zip entry " + quoted(record.name); }

// Walks the extra fields and returns the contents of the zip64 one (empty: there is none).
std::span<const std::byte> zip64_field(const ZipSource& source, const ZipRecord& record,
                                       std::span<const std::byte> extra) {
  std::span<const std::byte> found;
  bool seen = false;
  while (!extra.empty()) {
    if (extra.size() < 4 || extra.size() - 4 < u16(extra.data() + 2))
      source.refuse(entry(record) + " has an extra field that is cut off");
    const std::uint16_t id = u16(extra.data()), size = u16(extra.data() + 2);
    if (id == kUnicodePath) source.refuse(entry(record) + " has a second name");
    if (id == 1) {
      if (seen) source.refuse(entry(record) + " has two zip64 fields");
      seen = true;
      found = extra.subspan(4, size);
    }
    extra = extra.subspan(4 + std::size_t{size});
  }
  return found;
}

// Replaces a 32-bit field that is all ones by the next 8 bytes of the zip64 field.
void take_zip64(const ZipSource& source, const ZipRecord& record, std::uint64_t& value,
                std::span<const std::byte>& field) {
  if (value != kMost32) return;
  if (field.size() < 8) source.refuse(entry(record) + " lacks a zip64 size or offset");
  value = u64(field.data());
  field = field.subspan(8);
}

// `there` are the sums of the classic end record; all-ones fields refer to the zip64 one.
ZipEnd read_zip64_end(const ZipSource& source, const ZipEnd& classic, std::uint64_t locator) {
  const std::byte* const where = source.at(locator, kLocatorSize, "the zip64 locator");
  const std::uint64_t offset = u64(where + 8);
  if (u32(where + 4) != 0 || u32(where + 16) > 1 || locator < kEnd64Size ||
      offset != locator - kEnd64Size)
    source.refuse("the zip64 end record is not where the file ends; this is no plain zip archive");
  const std::byte* const record = source.at(offset, kEnd64Size, "the zip64 end record");
  if (u32(record) != kEnd64Signature || u64(record + 4) != kEnd64Size - 12 ||
      u32(record + 16) != 0 || u32(record + 20) != 0 || u64(record + 24) != u64(record + 32))
    source.refuse("the zip64 end record is damaged");
  const ZipEnd end{u64(record + 32), u64(record + 48), u64(record + 40)};
  const auto agrees = [](std::uint64_t small, std::uint64_t most, std::uint64_t large) {
    return small == large || small == most;
  };
  if (!agrees(classic.count, kMost16, end.count) ||
      !agrees(classic.directory, kMost32, end.directory) ||
      !agrees(classic.directory_size, kMost32, end.directory_size))
    source.refuse("the two end records of the zip archive disagree");
  if (end.directory > offset || offset - end.directory != end.directory_size)
    source.refuse("the zip directory does not end where the end record begins");
  return end;
}

}  // namespace

void ZipSource::refuse(const std::string& problem) const { throw FormatError(origin, problem); }

const std::byte* ZipSource::at(std::uint64_t offset, std::uint64_t size,
                               const std::string& what) const {
  if (offset > bytes.size() || size > bytes.size() - offset)
    refuse(what + " leads past the end of the file (" + std::to_string(bytes.size()) +
           " bytes; truncated download?)");
  return bytes.data() + offset;
}

ZipEnd read_zip_end(const ZipSource& source) {
  const std::uint64_t size = source.bytes.size();
  if (size < kEndSize || u32(source.bytes.data() + size - kEndSize) != kEndSignature)
    source.refuse(
        "the zip archive does not end with its end record: truncated download, or something was "
        "appended to it");
  const std::uint64_t offset = size - kEndSize;
  const std::byte* const record = source.bytes.data() + offset;
  if (u16(record + 20) != 0) source.refuse("the zip archive carries a comment");
  if (u16(record + 4) != 0 || u16(record + 6) != 0 || u16(record + 8) != u16(record + 10))
    source.refuse("the zip archive claims to be split into several files");
  const ZipEnd classic{u16(record + 10), u32(record + 16), u32(record + 12)};
  if (offset >= kLocatorSize && u32(record - kLocatorSize) == kLocatorSignature)
    return read_zip64_end(source, classic, offset - kLocatorSize);
  if (classic.directory > offset || offset - classic.directory != classic.directory_size)
    source.refuse("the zip directory does not end where the end record begins");
  return classic;
}

ZipRecord read_directory_record(const ZipSource& source, std::uint64_t& offset) {
  const std::byte* const record =
      source.at(offset, kDirectorySize, "a record of the zip directory");
  if (u32(record) != kDirectorySignature)
    source.refuse("byte " + std::to_string(offset) + ": no record of the zip directory");
  const std::uint16_t name_size = u16(record + 28), extra_size = u16(record + 30);
  const std::uint64_t whole = kDirectorySize + name_size + extra_size;
  source.at(offset, whole, "a record of the zip directory");
  ZipRecord found;
  found.name = {reinterpret_cast<const char*>(record + kDirectorySize), name_size};
  found.flags = u16(record + 8);
  found.method = u16(record + 10);
  found.crc = u32(record + 16);
  found.stored_size = u32(record + 20);
  found.size = u32(record + 24);
  found.header = u32(record + 42);
  if (u16(record + 32) != 0) source.refuse(entry(found) + " carries a comment");
  if (u16(record + 34) != 0) source.refuse(entry(found) + " claims to lie in another file");
  std::span<const std::byte> field =
      zip64_field(source, found, {record + kDirectorySize + name_size, extra_size});
  found.zip64 = !field.empty();
  take_zip64(source, found, found.size, field);
  take_zip64(source, found, found.stored_size, field);
  take_zip64(source, found, found.header, field);
  if (!field.empty()) source.refuse(entry(found) + " has a zip64 field of a wrong size");
  offset += whole;
  return found;
}

std::uint64_t check_local_header(const ZipSource& source, const ZipRecord& record) {
  const std::string what = "the header of " + entry(record);
  const std::byte* const header = source.at(record.header, kLocalSize, what);
  const std::uint16_t name_size = u16(header + 26), extra_size = u16(header + 28);
  const std::uint64_t whole = kLocalSize + name_size + extra_size;
  source.at(record.header, whole, what);
  if (u32(header) != kLocalSignature)
    source.refuse(entry(record) + " has no header at byte " + std::to_string(record.header));
  const std::string_view name(reinterpret_cast<const char*>(header + kLocalSize), name_size);
  if (name != record.name)
    source.refuse(entry(record) + " is named " + quoted(name) + " in its own header");
  if (u16(header + 6) != record.flags || u16(header + 8) != record.method)
    source.refuse(entry(record) + " has other flags or another method in its own header");

  std::span<const std::byte> field =
      zip64_field(source, record, {header + kLocalSize + name_size, extra_size});
  std::uint64_t stored_size = u32(header + 18), size = u32(header + 22);
  const std::uint32_t crc = u32(header + 14);
  // A descriptor behind the data tells what the header leaves out as zeros.
  const bool later = (record.flags & kHasDescriptor) != 0;
  if (later && crc == 0 && stored_size == 0 && size == 0) return record.header + whole;
  take_zip64(source, record, size, field);
  take_zip64(source, record, stored_size, field);
  if (size != record.size || stored_size != record.stored_size || crc != record.crc)
    source.refuse(entry(record) + " has another size or CRC in its own header");
  return record.header + whole;
}

void check_descriptor(const ZipSource& source, const ZipRecord& record, std::uint64_t begin,
                      std::uint64_t end) {
  const bool expected = (record.flags & kHasDescriptor) != 0;
  // With the signature, as miniz (torch) and Python's zipfile write it.
  const std::uint64_t size = !expected ? 0 : record.zip64 ? 24 : 16;
  if (begin > end)
    source.refuse(entry(record) + " overlaps what follows it: its " +
                  std::to_string(record.stored_size) + " bytes end at " + std::to_string(begin) +
                  ", the next thing begins at " + std::to_string(end));
  if (end - begin != size)
    source.refuse(entry(record) + " is followed by " + std::to_string(end - begin) +
                  " bytes that belong to nothing, expected " + std::to_string(size));
  if (size == 0) return;
  const std::byte* const descriptor = source.at(begin, size, "a data descriptor");
  const std::uint64_t stored = record.zip64 ? u64(descriptor + 8) : u32(descriptor + 8);
  const std::uint64_t original = record.zip64 ? u64(descriptor + 16) : u32(descriptor + 12);
  if (u32(descriptor) != kDescriptorSignature || u32(descriptor + 4) != record.crc ||
      stored != record.stored_size || original != record.size)
    source.refuse(entry(record) + " has another size or CRC behind its data");
}

}  // namespace stockpot
