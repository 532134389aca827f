#include "stockpot/sweep/json_lines.h"

#include "stockpot/base/error.h"

namespace stockpot {

JsonLines read_json_lines(const fs::path& file, std::uint64_t begin) {
  JsonLines lines;
  lines.end = begin;
  std::error_code error;
  if (!fs::exists(file, error)) return lines;
  const std::string text = read_file(file);
  for (std::int64_t number = 1;; ++number) {
    const std::size_t newline = text.find('\n', lines.end);
    if (newline == std::string::npos) break;
    const std::string line = text.substr(lines.end, newline - lines.end);
    const auto refuse = [&](const char* problem) {
      throw FormatError(file, "line " + std::to_string(number) + ": " + problem);
    };
    try {
      lines.records.push_back(Json::parse(line, file));
    } catch (const FormatError&) {
      refuse("is not JSON");
    }
    if (!lines.records.back().is_object()) refuse("is no JSON object");
    lines.end = newline + 1;
  }
  lines.torn = lines.end < text.size();
  return lines;
}

bool drop_torn_line(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error)) return false;
  const std::string text = read_file(file);
  const std::size_t newline = text.rfind('\n');
  const std::size_t end = newline == std::string::npos ? 0 : newline + 1;
  if (end == text.size()) return false;
  fs::resize_file(file, end, error);
  if (error) throw WriteError(file, "cut off half a line", error.value());
  return true;
}

}  // namespace stockpot
