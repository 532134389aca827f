// Hand-made pickles and zip archives.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stockpot/base/error.h"
#include "stockpot/pickle/unpickle.h"
#include "stockpot/pickle/zip.h"
#include "tests/base/message_of.h"

namespace stockpot {

using namespace std::string_literals;

inline bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

inline std::string le(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

// A pickle of protocol 2 with these opcodes, ended by STOP.
inline std::string pickled(const std::string& opcodes) { return "\x80\x02" + opcodes + "."; }
inline std::string text(std::string_view value) {
  return "X" + le(value.size(), 4) + std::string(value);
}
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}

// What unpickling says; "" when it succeeds.
inline std::string pickle_error(const std::string& pickle) {
  try {
    unpickle(bytes_of(pickle), "p");
    return "";
  } catch (const FormatError& error) {
    return error.what();
  }
}

// An entry of a zip archive, and the lies that can be told about it.
struct ZipMember {
  std::string name, data;
  std::string local_name = "";  // "": the same
  std::uint16_t flags = 0, method = 0;
  std::uint64_t size = ~std::uint64_t{0};  // claimed; all ones: the true one
  std::uint32_t crc_change = 0;
  std::string extra = "", local_extra = "";
  std::string behind = "";            // bytes after the data
  std::uint32_t header = 0xffffffff;  // claimed place of the local header; all ones: the true one
  std::string comment = "";
};

inline std::uint32_t slow_crc32(const std::string& data) {
  std::uint32_t crc = 0xffffffffu;
  for (const char c : data) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0u);
  }
  return crc ^ 0xffffffffu;
}

struct ZipLies {
  std::string before = "", between = "", after = "", comment = "";
  int count_change = 0;
};

inline std::string make_zip(const std::vector<ZipMember>& members, const ZipLies& lies = {}) {
  std::string file = lies.before, directory;
  for (const ZipMember& member : members) {
    const std::uint64_t size = member.size == ~std::uint64_t{0} ? member.data.size() : member.size;
    const std::string sums = le(slow_crc32(member.data) ^ member.crc_change, 4) +
                             le(member.data.size(), 4) +
                             le(std::min<std::uint64_t>(size, 0xffffffff), 4);
    const std::string local = member.local_name.empty() ? member.name : member.local_name;
    const std::uint64_t header = member.header == 0xffffffff ? file.size() : member.header;
    const std::string start = le(member.flags, 2) + le(member.method, 2) + le(0, 4) + sums;
    file += "PK\x03\x04"s + le(20, 2) + start + le(local.size(), 2) +
            le(member.local_extra.size(), 2) + local + member.local_extra + member.data +
            member.behind;
    directory += "PK\x01\x02"s + le(20, 2) + le(20, 2) + start + le(member.name.size(), 2) +
                 le(member.extra.size(), 2) + le(member.comment.size(), 2) + le(0, 8) +
                 le(header, 4) + member.name + member.extra + member.comment;
  }
  const std::uint64_t begin = file.size();
  const auto count =
      static_cast<std::uint64_t>(static_cast<int>(members.size()) + lies.count_change);
  return file + directory + lies.between + "PK\x05\x06"s + le(0, 4) + le(count, 2) + le(count, 2) +
         le(directory.size(), 4) + le(begin, 4) + le(lies.comment.size(), 2) + lies.comment +
         lies.after;
}

// What reading the directory says; "" when it is accepted.
inline std::string zip_error(const std::string& archive) {
  try {
    parse_zip(bytes_of(archive), "z");
    return "";
  } catch (const FormatError& error) {
    return error.what();
  }
}

}  // namespace stockpot
