// How the pieces of a recipe are read: every reader takes a YAML node and a list of
// problems, adds to the list what is wrong (with file, line and column) and goes on, so that
// all problems are reported together.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/base/yaml.h"
#include "stockpot/data/spec.h"
#include "stockpot/recipe/keys.h"
#include "stockpot/recipe/recipe.h"
#include "stockpot/sweep/space.h"

namespace stockpot {

// One of the texts that a recipe was put together from.
struct RecipeSource {
  std::string name;              // "recipes/a.yaml", "preset clip-72", "--set train.lr=1"
  std::filesystem::path folder;  // relative paths are relative to it
  bool lines = true;             // false: a flag, where lines and columns mean nothing
};

class Problems {
 public:
  // `file` becomes source 0.
  explicit Problems(const std::filesystem::path& file) { add_source(source_of(file)); }

  static RecipeSource source_of(const std::filesystem::path& file);
  // Returns the number that the source's nodes carry (YamlNode::source).
  int add_source(RecipeSource source);
  const RecipeSource& source(const YamlNode& node) const;
  // "recipe.yaml:12:5", or the flag.
  std::string place(const YamlNode& node) const;

  // "recipe.yaml:12:5: ...".
  void add(const YamlNode& where, const std::string& what);
  // A line as it is.
  void add(const std::string& line) { lines_.push_back(line); }
  std::size_t count() const { return lines_.size(); }
  std::size_t source_count() const { return sources_.size(); }
  // Throws UsageError with every line, in order of discovery.
  void throw_if_any() const;

 private:
  std::vector<RecipeSource> sources_;
  std::vector<std::string> lines_;
};

// "unknown key 'modle' in the recipe; did you mean 'model'?".
std::string unknown_key(const std::string& name, const std::string& what,
                        const std::vector<std::string>& known);
// Complains about members of a map that are not among `known`, and when the node is no map at
// all. Returns whether it is a map.
bool check_keys(const YamlNode& node, const std::string& what,
                const std::vector<std::string>& known, Problems& problems);
// "expected, found ...": a value of the wrong type.
void wrong_type(const YamlNode& node, const std::string& what, const std::string& expected,
                Problems& problems);

// Scalars. A wrong type or a value outside [low, high] is a problem; then nothing is returned.
std::optional<double> read_number(const YamlNode& node, const std::string& what, double low,
                                  double high, Problems& problems);
std::optional<std::int64_t> read_integer(const YamlNode& node, const std::string& what,
                                         std::int64_t low, std::int64_t high, Problems& problems);
// The items of a list, or the node itself as the only item.
std::vector<const YamlNode*> one_or_more(const YamlNode& node);
// A YAML value as the JSON value it stands for.
Json json_value(const YamlNode& node);
// {logspace: [low exponent, high exponent, count]} or {linspace: [low, high, count]}, whose
// only key this is. Nothing after a problem.
std::optional<std::vector<double>> read_spaced(const YamlNode& node, const std::string& what,
                                               Problems& problems);
// "15s", "10m", "2h" in seconds.
std::optional<double> parse_duration(std::string_view text);

// A path relative to the folder of the file that names it; it must exist.
std::optional<std::filesystem::path> read_path(const YamlNode& node, const std::string& what,
                                               Problems& problems);

// A map of the recipe, read key by key by the rows of its table.
class MapReader {
 public:
  // Complains when the node is no map, and about members that have no row in `keys`.
  MapReader(const YamlNode& node, std::string what, const Keys& keys, Problems& problems);

  explicit operator bool() const { return is_map_; }
  const YamlNode& node() const { return node_; }
  // The value of a key; nothing when it is absent. The key has a row.
  const YamlNode* find(std::string_view key) const;
  // "search.seed", for messages.
  std::string name(std::string_view key) const;

  // Sets `field` when the key is there with a value that its row allows; returns whether.
  bool get(std::string_view key, double& field) const;         // number, duration
  bool get(std::string_view key, std::int64_t& field) const;   // integer
  bool get(std::string_view key, std::uint64_t& field) const;  // integer, size
  bool get(std::string_view key, bool& field) const;           // boolean
  bool get(std::string_view key, std::string& field) const;    // text, word
  bool get(std::string_view key, std::filesystem::path& field) const;

 private:
  const Key& row(std::string_view key) const;

  const YamlNode& node_;
  std::string what_;
  const Keys& keys_;
  Problems& problems_;
  bool is_map_;
};

// The sections, each in a file of its own with its table.
const Keys& root_keys();
const Keys& model_keys();
const Keys& soup_keys();
const Keys& run_keys();
const Keys& checkpoint_keys();
const Keys& on_failure_keys();
const Keys& heartbeat_keys();

const Keys& data_keys();
Json set_schema();
void read_data_sets(const YamlNode& root, Recipe& recipe, Problems& problems);

// What the head of a method or of a search starts from: a map {from: FILE, ...}.
Json head_schema();
std::optional<HeadFile> read_head_file(const YamlNode& node, const std::string& what,
                                       Problems& problems);

const Keys& methods_keys();
Json fine_tune_schema();
void read_methods(const YamlNode& root, Recipe& recipe, Problems& problems);

const Keys& search_keys();
void read_search(const YamlNode& root, Recipe& recipe, Problems& problems);
Json drawn_schema();
Json space_schema();
void read_space(const YamlNode& node, SearchSpace& space, Problems& problems);

// Schemas of the keys of TrainSettings, by name; references to them; a map of them.
Json settings_definitions();
Json settings_properties();
Json settings_schema();
// Sets the members of `node` on `settings`, leaving out the keys in `except`.
void read_settings(const YamlNode& node, const std::string& what, TrainSettings& settings,
                   const std::vector<std::string>& except, Problems& problems);
// Every key with its value, defaults included.
std::vector<std::pair<std::string, Json>> every_setting(const TrainSettings& settings);
// Whether the setting has a form that is a map, as augment: {crop: ...} has.
bool takes_map(const std::string& setting);

}  // namespace stockpot
