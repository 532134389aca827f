// Logs of one JSON object a line, as base/file.h's append_line makes them. A process that dies
// while appending leaves half a line at the end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"

namespace stockpot {

struct JsonLines {
  std::vector<Json> records;
  std::uint64_t end = 0;  // bytes up to the end of the last whole line
  bool torn = false;      // something follows it
};

// Reads the whole lines from byte `begin` on, where a line begins; an absent file has none.
// Throws FormatError naming a line that is no JSON object (lines are counted from `begin`).
JsonLines read_json_lines(const fs::path& file, std::uint64_t begin = 0);

// Cuts off half a line at the end, so that appending goes on cleanly; true when there was one.
// Throws FormatError when the file cannot be read, WriteError.
bool drop_torn_line(const fs::path& file);

}  // namespace stockpot
