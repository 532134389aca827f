#include "stockpot/data/sources.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/data/splits.h"

namespace stockpot {
namespace {

using Kind = SourceSpec::Kind;

struct NameKind {
  std::string_view ending;
  Kind kind;
};
constexpr NameKind kNameKinds[] = {
    {".tar", Kind::tar},  {".tar.gz", Kind::tar}, {".tgz", Kind::tar},   {".tar.zst", Kind::tar},
    {".tzst", Kind::tar}, {".csv", Kind::table},  {".tsv", Kind::table},
};

const NameKind* kind_by_name(const std::string& name) {
  const std::string lower = lower_ascii(name);
  for (const NameKind& row : kNameKinds) {
    if (lower.ends_with(row.ending) && lower.size() > row.ending.size()) return &row;
  }
  return nullptr;
}

void require_existing(const std::filesystem::path& path, std::string_view what) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    throw UsageError(printable(path.string()) + ": this " + std::string(what) + " does not exist" +
                     (error ? " (" + error.message() + ")" : ""));
  }
}

Kind detect_kind(const SourceSpec& source) {
  require_existing(source.path, "data source");
  if (source.kind != Kind::detect) return source.kind;
  std::error_code error;
  if (std::filesystem::is_directory(source.path, error)) return Kind::folder;
  if (const NameKind* row = kind_by_name(source.path.filename().string())) return row->kind;
  throw UsageError(printable(source.path.string()) +
                   ": not a data source; expected a folder, .tar, .tar.gz, .tar.zst, .csv or .tsv");
}

void check_options(const SourceSpec& source, Kind kind) {
  if (!source.splits.empty()) require_existing(source.splits, "splits file");
  if (!source.root.empty()) require_existing(source.root, "root folder");
  if (kind == Kind::table) return;
  const std::string what = kind == Kind::tar ? "an archive" : "a folder";
  if (!source.root.empty()) {
    throw UsageError(printable(source.path.string()) + ": root is for tables, and this is " + what);
  }
  if (!source.split.empty() && source.splits.empty()) {
    throw UsageError(printable(source.path.string()) + ": split '" + printable(source.split) +
                     "' of " + what +
                     " needs a table that says what belongs to it: add "
                     "splits=FILE.csv with the columns name, group and split");
  }
}

std::vector<Sample> find_in(const SourceSpec& source, Kind kind, const Wanted& wanted) {
  switch (kind) {
    case Kind::tar:
      return find_in_tar(source, wanted);
    case Kind::table:
      return find_in_table(source, wanted);
    default:
      return find_in_folder(source, wanted);
  }
}

// Finds the samples of one source; the classes it has, before any choice, join `classes`.
std::vector<Sample> find_in_source(const SourceSpec& source, const DataSpec& spec,
                                   std::set<std::string>& classes) {
  const Kind kind = detect_kind(source);
  check_options(source, kind);
  std::optional<SplitFile> splits;
  if (!source.splits.empty()) {
    splits.emplace(source.splits);
    if (!source.split.empty()) check_split(source.splits, source.split, splits->names());
  }
  std::int64_t offered = 0, in_split = 0;
  const Wanted wanted = [&](const std::string& class_name, const std::string& stem) {
    ++offered;
    classes.insert(class_name);
    if (splits && !splits->holds(class_name, stem, source.split)) return false;
    ++in_split;
    const auto mapped = spec.class_map.find(class_name);
    return mapped == spec.class_map.end() ? !spec.only_mapped : !mapped->second.empty();
  };
  std::vector<Sample> samples = find_in(source, kind, wanted);
  if (offered == 0) {
    throw FormatError(source.path,
                      "no images found; expected .jpg, .jpeg, .png or .webp files "
                      "in folders named by their classes");
  }
  if (in_split == 0) {
    throw UsageError(
        printable(source.path.string()) + ": none of its " + grouped(offered) +
        " images has a row in " + printable(source.splits.string()) +
        (source.split.empty() ? "" : " with the split '" + printable(source.split) + "'") +
        "; rows are matched by group = class folder and name = file name without "
        "extension");
  }
  return samples;
}

void check_class_map(const DataSpec& spec, const std::set<std::string>& classes) {
  const std::vector<std::string> names(classes.begin(), classes.end());
  for (const auto& [from, to] : spec.class_map) {
    if (classes.contains(from)) continue;
    const std::string near = nearest(from, names);
    throw UsageError("the class map names '" + printable(from) + "', which is no class of " +
                     printable(spec.sources.front().path.string()) +
                     (near.empty() ? "" : "; did you mean '" + printable(near) + "'?"));
  }
}

}  // namespace

std::string source_stem(const std::filesystem::path& path) {
  std::filesystem::path whole = std::filesystem::absolute(path).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  const std::string name = whole.filename().string();
  const NameKind* row = kind_by_name(name);
  std::error_code error;
  if (!row || std::filesystem::is_directory(whole, error)) return name;
  return name.substr(0, name.size() - row->ending.size());
}

bool has_image_name(const std::filesystem::path& file) {
  static const std::set<std::string> kEndings{".jpg", ".jpeg", ".png", ".webp"};
  return !file.filename().string().starts_with('.') &&
         kEndings.contains(lower_ascii(file.extension().string()));
}

std::string quoted_list(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 12;
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    std::string& part = parts.emplace_back("'");
    part += printable(names[i]);
    part += "'";
  }
  const std::string list = join(parts, ", ");
  if (names.size() <= kShown) return list;
  return list + " and " + std::to_string(names.size() - kShown) + " more";
}

namespace {

// A sample with its group and class, once for each corruption of its source.
void add_sample(const SourceSpec& source, Sample sample, std::vector<Sample>& all) {
  if (source.corruptions.empty()) {
    all.push_back(std::move(sample));
    return;
  }
  for (const Corruption& corruption : source.corruptions) {
    Sample& worse = all.emplace_back(sample);
    worse.id += "@" + to_text(corruption);
    if (source.group.empty()) worse.group = to_text(corruption);
    worse.corruption = corruption;
  }
}

}  // namespace

std::vector<Sample> find_samples(const DataSpec& spec) {
  if (spec.sources.empty()) throw UsageError("a data set needs at least one source");
  std::vector<Sample> all;
  std::set<std::string> classes;
  for (std::size_t i = 0; i < spec.sources.size(); ++i) {
    const SourceSpec& source = spec.sources[i];
    const std::string stem = source_stem(source.path);
    for (Sample& sample : find_in_source(source, spec, classes)) {
      if (!source.group.empty()) sample.group = source.group;
      if (sample.group.empty()) sample.group = stem;
      const auto mapped = spec.class_map.find(sample.class_name);
      if (mapped != spec.class_map.end()) sample.class_name = mapped->second;
      sample.source = i;
      add_sample(source, std::move(sample), all);
    }
  }
  check_class_map(spec, classes);
  if (all.empty()) {
    throw UsageError(printable(spec.sources.front().path.string()) +
                     ": the class map leaves out every image of the set");
  }
  return all;
}

}  // namespace stockpot
