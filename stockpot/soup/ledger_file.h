// The ledger of a search on disk: a line of JSON for each finished evaluation, on the disk before
// the next one starts. A search that was killed reads it and goes on where it stopped.
//
// The first line says what the numbers depend on beside the models. Each line ends in a checksum
// of itself, so that damage is found. A last line without its newline was being written when the
// process died; it is dropped.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"

namespace stockpot {

class LedgerFile {
 public:
  // Opens `file`, or makes it with `header` as its first line; `anew` empties it. Throws
  // BusyError when another process has it open, FormatError naming the line for a damaged one,
  // UsageError when it was begun with another header, naming what differs; WriteError.
  LedgerFile(const fs::path& file, const Json& header, bool anew = false);
  ~LedgerFile();
  LedgerFile(const LedgerFile&) = delete;

  // What was there, without the header.
  const std::vector<Json>& lines() const { return lines_; }
  // About a torn last line that was dropped.
  const std::optional<std::string>& warning() const { return warning_; }
  const fs::path& path() const { return file_; }

  // Throws WriteError, and then has changed nothing.
  void append(const Json& line);

 private:
  void read(const Json& header);

  fs::path file_;
  int descriptor_ = -1;
  std::int64_t size_ = 0;
  std::vector<Json> lines_;
  std::optional<std::string> warning_;
};

// Lines as they stand in the file, with the checksum and without the newline.
std::string sealed_line(const Json& line);
// Throws FormatError naming file and line number.
Json unsealed_line(std::string_view text, const fs::path& file, std::int64_t number);

// The first place where two objects differ: "evaluator.metric is \"/a\" there, \"/b\" here"; empty
// when they are equal.
std::string difference_between(const Json& there, const Json& here, const std::string& where = "");

}  // namespace stockpot
