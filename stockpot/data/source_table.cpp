// Pictures listed in a table with the columns path and label, and perhaps split and group.
#include <optional>
#include <set>
#include <utility>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/data/csv.h"
#include "stockpot/data/sources.h"
#include "stockpot/data/splits.h"

namespace stockpot {
namespace {

// The table's own split column, unless a splits file decides or nothing is asked for.
std::optional<std::size_t> split_column(const CsvTable& table, const SourceSpec& source) {
  if (source.split.empty() || !source.splits.empty()) return std::nullopt;
  const std::size_t column = table.column("split");
  std::set<std::string> names;
  for (const CsvTable::Row& row : table.rows) names.insert(row.fields[column]);
  check_split(source.path, source.split, {names.begin(), names.end()});
  return column;
}

const std::string& required(const CsvTable& table, const CsvTable::Row& row, std::size_t column) {
  const std::string& value = row.fields[column];
  if (value.empty()) {
    throw FormatError(printable(table.origin.string()) + ":" + std::to_string(row.line) + ": the " +
                      table.header[column] + " is empty");
  }
  return value;
}

}  // namespace

std::vector<Sample> find_in_table(const SourceSpec& source, const Wanted& wanted) {
  const CsvTable table = read_csv(source.path);
  const std::size_t path = table.column("path"), label = table.column("label");
  if (table.rows.empty()) {
    throw FormatError(source.path, "no rows below the header; expected one for each image");
  }
  const std::optional<std::size_t> group = table.find_column("group");
  const std::optional<std::size_t> split = split_column(table, source);
  const std::filesystem::path root = source.root.empty() ? source.path.parent_path() : source.root;
  std::vector<Sample> samples;
  for (const CsvTable::Row& row : table.rows) {
    const std::string& name = required(table, row, path);
    const std::string& class_name = required(table, row, label);
    const std::filesystem::path file = root / name;
    if (!wanted(class_name, file.stem().string())) continue;
    if (split && row.fields[*split] != source.split) continue;
    Sample sample;
    sample.id = name;
    sample.class_name = class_name;
    if (group) sample.group = row.fields[*group];
    sample.origin = printable(source.path.string()) + ":" + std::to_string(row.line) + " (" +
                    printable(name) + ")";
    sample.file = file;
    samples.push_back(std::move(sample));
  }
  return samples;
}

}  // namespace stockpot
