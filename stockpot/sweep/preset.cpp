#include "stockpot/sweep/preset.h"

namespace stockpot {

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all = [] {
    std::vector<Preset> both = search_presets();
    for (Preset& preset : method_presets()) both.push_back(preset);
    return both;
  }();
  return all;
}

const Preset* find_preset(Preset::Kind kind, const std::string& name) {
  for (const Preset& preset : presets())
    if (preset.kind == kind && preset.name == name) return &preset;
  return nullptr;
}

const Preset* find_baseline(const std::string& name) {
  const Preset* preset = find_preset(Preset::Kind::method, name);
  return preset && preset->baseline ? preset : nullptr;
}

std::vector<std::string> preset_names(Preset::Kind kind) {
  std::vector<std::string> names;
  for (const Preset& preset : presets())
    if (preset.kind == kind) names.push_back(preset.name);
  return names;
}

}  // namespace stockpot
