#include "stockpot/soup/ledger_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/posix.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

constexpr std::size_t kLongestLine = std::size_t{64} << 20;

std::string checksum(std::string_view text) {
  std::array<char, 9> digits;
  std::snprintf(digits.data(), digits.size(), "%08x", crc32_of(std::as_bytes(std::span(text))));
  return digits.data();
}

std::string ending(std::string_view text) { return ",\"crc32\":\"" + checksum(text) + "\"}"; }

std::string shown(const Json& json) { return printable(json.dump().substr(0, 100)); }

}  // namespace

std::string sealed_line(const Json& line) {
  std::string text = line.dump();
  text.pop_back();  // '}'
  return text + ending(text);
}

Json unsealed_line(std::string_view text, const fs::path& file, std::int64_t number) {
  const auto damaged = [&](const std::string& how) {
    return FormatError(file, "line " + std::to_string(number) + " is damaged (" + how +
                                 "); restore the file, or remove it to score everything again");
  };
  if (text.size() > kLongestLine) throw damaged("longer than 64 MB");
  const std::size_t size = ending("").size();
  if (text.size() < size) throw damaged("too short");
  const std::string_view body = text.substr(0, text.size() - size);
  if (text.substr(body.size()) != ending(body)) throw damaged("its checksum does not fit");
  try {
    return Json::parse(text, file);
  } catch (const FormatError& error) {
    throw damaged(error.what());
  }
}

std::string difference_between(const Json& there, const Json& here, const std::string& where) {
  if (there == here) return "";
  if (!there.is_object() || !here.is_object())
    return where + " is " + shown(there) + " there, " + shown(here) + " here";
  const std::string dot = where.empty() ? "" : where + ".";
  for (const auto& [name, value] : there.members()) {
    const Json* other = here.find(name);
    if (other == nullptr) return dot + name + " is " + shown(value) + " there, nothing here";
    if (*other != value) return difference_between(value, *other, dot + name);
  }
  for (const auto& [name, value] : here.members())
    if (there.find(name) == nullptr)
      return dot + name + " is nothing there, " + shown(value) + " here";
  return where + " has its members in another order";
}

LedgerFile::LedgerFile(const fs::path& file, const Json& header, bool anew) : file_(file) {
  Descriptor descriptor = open_file(file, O_RDWR | O_CREAT | O_APPEND);
  if (!descriptor) throw WriteError(file, "open", errno);
  if (::flock(descriptor.number(), LOCK_EX | LOCK_NB) != 0)
    throw BusyError(printable(file.native()) + ": another search is writing it");
  descriptor_ = descriptor.release();
  try {
    if (anew && ::ftruncate(descriptor_, 0) != 0) throw WriteError(file, "empty", errno);
    read(header);
    if (size_ == 0) {
      append(header);
      if (const int failure = sync_path(folder_of(file)))
        throw WriteError(folder_of(file), "sync", failure);
    }
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

LedgerFile::~LedgerFile() { ::close(descriptor_); }

void LedgerFile::read(const Json& header) {
  const std::string text = read_file(file_, UINT64_MAX);
  std::int64_t number = 0;
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    Json line = unsealed_line(std::string_view(text).substr(begin, end - begin), file_, ++number);
    // The checksum is no part of what was said.
    Json said = Json::object({});
    for (const auto& [name, value] : line.members())
      if (name != "crc32") said.set(name, value);
    if (number > 1) {
      lines_.push_back(std::move(said));
      continue;
    }
    if (const std::string difference = difference_between(said, header); !difference.empty())
      throw UsageError(printable(file_.native()) + " was begun otherwise: " + difference +
                       "; name another output, or --rescore to begin anew");
  }
  size_ = static_cast<std::int64_t>(begin);
  if (begin == text.size()) return;
  warning_ = printable(file_.native()) + ": dropped line " + std::to_string(number + 1) +
             ", which was not written to its end";
  if (::ftruncate(descriptor_, size_) != 0) throw WriteError(file_, "cut off", errno);
}

void LedgerFile::append(const Json& line) {
  const std::string text = sealed_line(line) + "\n";
  int failure = write_all(descriptor_, std::as_bytes(std::span(text)));
  if (failure == 0 && ::fdatasync(descriptor_) != 0 && errno != EINVAL && errno != ENOTSUP)
    failure = errno;
  if (failure != 0) {
    // What was written of it must not be taken for damage later.
    if (::ftruncate(descriptor_, size_) != 0) failure = errno;
    throw WriteError(file_, "append a line", failure);
  }
  size_ += static_cast<std::int64_t>(text.size());
}

}  // namespace stockpot
