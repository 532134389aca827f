// Where labelled images lie on disk: what a recipe or --data says.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "stockpot/data/corruption.h"

namespace stockpot {

// One folder, archive or table of .jpg, .jpeg, .png and .webp files:
//   folder   <path>/<class>/**/<file>. Links are followed; a loop of them is an error, and so
//            is a class folder without images. Files beside the class folders do not count.
//   tar      members .../<class>/<file>, read in place. A member with an absolute name, "..",
//            or that is a link or a device is an error.
//   table    CSV or TSV with the columns path and label, and perhaps split and group.
// Names that begin with a dot are ignored in folders and archives. The id of a sample is
// <path's stem>/<class>/<file> in a folder, <path's stem>/<member> in an archive, and the path
// as written in a table. No id may come twice in a set.
struct SourceSpec {
  enum class Kind { detect, folder, tar, table };
  Kind kind = Kind::detect;  // detect: by the path (folder, .tar[.gz], .csv/.tsv)
  std::filesystem::path path;
  // A table with the columns name, group and split: <group>/<name>.* belongs to the split;
  // samples without a row belong to none and are left out.
  std::filesystem::path splits;
  std::string split;           // only samples of this split; "" = all
  std::string group;           // the samples' group; "" = the table's column or the path's stem
  std::filesystem::path root;  // table: image paths are relative to this (default: its folder)
  // Every picture comes once for each of these instead of as it is; its id gets "@" and the
  // corruption's name behind it, and its group, unless one is given above, is that name.
  std::vector<Corruption> corruptions;
};

// One data set: the union of its sources.
struct DataSpec {
  std::vector<SourceSpec> sources{};
  // The set's class name -> the model's class name ("" = leave these samples out).
  std::map<std::string, std::string> class_map{};
  bool only_mapped = false;      // classes that the map does not name are left out, too
  bool skip_unreadable = false;  // on_bad: skip (counted) instead of error
};

// Reads the command line's form of a source, PATH[,key=value...] with the keys splits, split,
// group, root, corrupt. A comma belongs to what is before it unless "key=" follows. Throws
// UsageError.
SourceSpec parse_source(const std::string& text);

}  // namespace stockpot
