#include "stockpot/compare/finding.h"

#include <algorithm>
#include <set>

#include "stockpot/base/text.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

// The last `count` parts of the path.
std::string end_of(const fs::path& path, std::size_t count) {
  std::vector<std::string> parts;
  for (const fs::path& part : path)
    if (!part.empty()) parts.push_back(part.native());
  const std::size_t first = parts.size() - std::min(count, parts.size());
  return join(std::span(parts).subspan(first), "/");
}

}  // namespace

std::vector<std::string> short_names(const std::vector<fs::path>& paths) {
  const std::set<fs::path> different(paths.begin(), paths.end());
  std::vector<std::string> names;
  for (std::size_t count = 1; count < 64; ++count) {
    names.clear();
    for (const fs::path& path : paths) names.push_back(printable(end_of(path, count)));
    if (std::set<std::string>(names.begin(), names.end()).size() == different.size()) return names;
  }
  for (std::size_t i = 0; i < paths.size(); ++i) names[i] = printable(paths[i].native());
  return names;
}

std::string_view word_of(Severity severity) {
  switch (severity) {
    case Severity::note:
      return "note";
    case Severity::warning:
      return "warning";
    default:
      return "failure";
  }
}

}  // namespace stockpot
