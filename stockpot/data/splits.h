// Which samples belong to which split, from a table beside the data. Internal to this room.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace stockpot {

// A CSV or TSV with the columns group, name and split: the picture <group>/<name>.<any
// extension> belongs to that split. Other columns are ignored.
class SplitFile {
 public:
  // Throws FormatError: not such a table, or a group and name that come twice.
  explicit SplitFile(const std::filesystem::path& file);

  // Whether the picture belongs to `split`, or, when that is empty, to any split. A picture
  // without a row belongs to none.
  bool holds(const std::string& group, const std::string& name, const std::string& split) const;

  // The splits that rows name, in byte order.
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::map<std::string, std::map<std::string, std::string>> splits_;  // group, name -> split
  std::vector<std::string> names_;
};

// Throws UsageError listing `existing` unless `split` is one of them.
void check_split(const std::filesystem::path& file, const std::string& split,
                 const std::vector<std::string>& existing);

}  // namespace stockpot
