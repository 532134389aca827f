#include "cli/sources.h"

#include <algorithm>

namespace stockpot::cli {

DataSpec parse_sources(const std::vector<std::string>& sources) {
  DataSpec spec;
  for (const std::string& source : sources) spec.sources.push_back(parse_source(source));
  return spec;
}

std::vector<std::pair<std::string, DataSpec>> parse_named_sources(
    const std::vector<std::string>& sources) {
  std::vector<std::pair<std::string, DataSpec>> sets;
  for (const std::string& text : sources) {
    std::string name, source = text;
    // The first '=' before any ',' ends a name, unless all of it is a path that exists.
    const std::string head = text.substr(0, text.find(','));
    if (const auto equals = head.find('=');
        equals != std::string::npos && equals > 0 && !std::filesystem::exists(head)) {
      name = text.substr(0, equals);
      source = text.substr(equals + 1);
    }
    const SourceSpec parsed = parse_source(source);
    if (name.empty()) {
      name = parsed.path.filename().string();
      name = name.substr(0, name.find('.'));
    }
    auto entry =
        std::find_if(sets.begin(), sets.end(), [&](const auto& set) { return set.first == name; });
    if (entry == sets.end()) entry = sets.insert(sets.end(), {name, {}});
    entry->second.sources.push_back(parsed);
  }
  return sets;
}

}  // namespace stockpot::cli
