// How the pieces of a recipe are read: every reader takes a YAML node and a list of
// problems, adds to the list what is wrong (with line and column) and goes on, so that all
// problems are reported together.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/base/yaml.h"
#include "stockpot/data/spec.h"
#include "stockpot/recipe/recipe.h"
#include "stockpot/sweep/space.h"

namespace stockpot {

class Problems {
 public:
  explicit Problems(std::filesystem::path file) : file_(std::move(file)) {}

  // "recipe.yaml:12:5: ...".
  void add(const YamlNode& where, const std::string& what);
  void add(const std::string& what);
  bool empty() const { return lines_.empty(); }
  // Throws UsageError with every line, in file order of discovery.
  void throw_if_any() const;
  const std::filesystem::path& file() const { return file_; }

 private:
  std::filesystem::path file_;
  std::vector<std::string> lines_;
};

// Complains about members of a map that are not among `known`, naming the nearest; and when
// the node is no map at all. Returns whether it is a map.
bool check_keys(const YamlNode& node, const std::string& what,
                std::initializer_list<std::string> known, Problems& problems);

// Scalars. A wrong type or a value outside [low, high] is a problem; then nothing is returned.
std::optional<double> read_number(const YamlNode& node, const std::string& what, double low,
                                  double high, Problems& problems);
std::optional<std::int64_t> read_integer(const YamlNode& node, const std::string& what,
                                         std::int64_t low, std::int64_t high, Problems& problems);
std::optional<std::string> read_text(const YamlNode& node, const std::string& what,
                                     Problems& problems);
std::optional<bool> read_boolean(const YamlNode& node, const std::string& what, Problems& problems);
// The items of a list, or the node itself as the only item.
std::vector<const YamlNode*> one_or_more(const YamlNode& node);
// A YAML scalar as the JSON value it stands for.
Json scalar_value(const YamlNode& node);

// A path relative to the recipe's folder that must exist.
std::optional<std::filesystem::path> read_path(const YamlNode& node, const std::string& what,
                                               Problems& problems);

DataSpec read_data(const YamlNode& node, const std::string& what, Problems& problems);

// Sets the members of `node` on `settings`, leaving out the keys in `except`.
void read_settings(const YamlNode& node, const std::string& what, TrainSettings& settings,
                   std::initializer_list<std::string> except, Problems& problems);

// The space of a search; draws from it are checked against TrainSettings::set.
SearchSpace read_space(const YamlNode& node, Problems& problems);

}  // namespace stockpot
