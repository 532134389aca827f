#include "stockpot/data/splits.h"

#include <algorithm>
#include <set>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/data/csv.h"
#include "stockpot/data/sources.h"

namespace stockpot {

SplitFile::SplitFile(const std::filesystem::path& file) {
  const CsvTable table = read_csv(file);
  const std::size_t group = table.column("group"), name = table.column("name");
  const std::size_t split = table.column("split");
  std::set<std::string> names;
  for (const CsvTable::Row& row : table.rows) {
    const auto& fields = row.fields;
    if (!splits_[fields[group]].emplace(fields[name], fields[split]).second) {
      throw FormatError(printable(file.string()) + ":" + std::to_string(row.line) +
                        ": a second row for '" + printable(fields[group] + "/" + fields[name]) +
                        "'");
    }
    names.insert(fields[split]);
  }
  names_.assign(names.begin(), names.end());
}

bool SplitFile::holds(const std::string& group, const std::string& name,
                      const std::string& split) const {
  const auto names = splits_.find(group);
  if (names == splits_.end()) return false;
  const auto found = names->second.find(name);
  return found != names->second.end() && (split.empty() || found->second == split);
}

void check_split(const std::filesystem::path& file, const std::string& split,
                 const std::vector<std::string>& existing) {
  if (std::find(existing.begin(), existing.end(), split) != existing.end()) return;
  throw UsageError(printable(file.string()) + ": no row has the split '" + printable(split) +
                   "'; it has: " + (existing.empty() ? "none" : quoted_list(existing)));
}

}  // namespace stockpot
