#include "stockpot/soup/class_names.h"

#include <algorithm>
#include <charconv>

#include "stockpot/base/error.h"
#include "stockpot/base/json.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/message.h"

namespace stockpot {
namespace {

// {"0": "cat", ...} as a list; empty when the keys are not 0, 1, 2, ...
std::vector<std::string> by_index(const Json& map) {
  if (!map.is_object()) return {};
  std::vector<std::string> names(map.members().size());
  for (const auto& [key, value] : map.members()) {
    std::size_t index = names.size();
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
    if (error != std::errc() || end != key.data() + key.size() || index >= names.size() ||
        !value.is_string())
      return {};
    names[index] = value.as_string();
  }
  return names;
}

std::vector<std::string> listed(const Json* list) {
  std::vector<std::string> names;
  if (list == nullptr || !list->is_array()) return names;
  for (const Json& name : list->items())
    names.push_back(name.is_string() ? name.as_string() : name.dump());
  return names;
}

std::vector<std::string> classes_of(const fs::path& model) {
  std::error_code ignored;
  const fs::path folder = fs::is_directory(model, ignored) ? model : model.parent_path();
  // Beside a single file of a folder full of them, a config.json need not be its own.
  const bool own =
      fs::is_directory(model, ignored) || model.filename().native().ends_with(".index.json");
  if (!own || !fs::exists(folder / "config.json", ignored)) return {};
  const Json config = Json::read(folder / "config.json");
  if (const Json* map = config.find("id2label")) return by_index(*map);
  if (const Json* list = config.find("label_names")) return listed(list);
  const Json* pretrained = config.find("pretrained_cfg");
  return pretrained == nullptr ? std::vector<std::string>()
                               : listed(pretrained->find("label_names"));
}

}  // namespace

void require_same_classes(const std::vector<fs::path>& models) {
  std::vector<std::string> first;
  fs::path whose;
  for (const fs::path& model : models) {
    const std::vector<std::string> classes = classes_of(model);
    if (classes.empty() || classes == first) continue;
    if (first.empty()) {
      first = classes;
      whose = model;
      continue;
    }
    const std::string where = printable(whose.native());
    if (classes.size() != first.size())
      throw FormatError(model, "has " + std::to_string(classes.size()) + " classes, " + where +
                                   " has " + std::to_string(first.size()));
    const auto [here, there] = std::ranges::mismatch(classes, first);
    throw FormatError(
        model, "class " + std::to_string(here - classes.begin()) + " is " + in_quotes(*here) +
                   ", in " + where + " it is " + in_quotes(*there) +
                   (std::ranges::is_permutation(classes, first)
                        ? ": the same classes in another order, which their mean would mix up"
                        : ""));
  }
}

}  // namespace stockpot
