// Searches and methods of published papers, by name. A preset is YAML as a recipe would
// write it, so that any of its keys can be overridden beside its name.
#pragma once

#include <string>
#include <vector>

namespace stockpot {

struct Preset {
  enum class Kind {
    search,  // of a recipe's `search:`
    method,  // of one of its `methods:`
  };
  Kind kind = Kind::search;
  std::string name;
  std::string summary;
  std::string source;  // paper or code that it was taken from
  std::string caveat;  // what in it is not sure, or differs here; "" = nothing
  std::string yaml;
  bool baseline = false;  // a method that can be asked for by its name alone
};

const std::vector<Preset>& presets();
// nullptr where there is none.
const Preset* find_preset(Preset::Kind kind, const std::string& name);
const Preset* find_baseline(const std::string& name);
std::vector<std::string> preset_names(Preset::Kind kind);

// The two halves of presets().
std::vector<Preset> search_presets();
std::vector<Preset> method_presets();

}  // namespace stockpot
