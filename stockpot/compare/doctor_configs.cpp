// config.json beside the weights: class names and what shapes do not show.
#include <algorithm>
#include <charconv>
#include <optional>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/compare/doctor_checks.h"

namespace stockpot {
namespace {

// nullopt: there is none. What cannot be read is a finding.
std::optional<Json> read_config(DoctorState& state, std::size_t model) {
  std::error_code ignored;
  const fs::path& path = state.models[model].path();
  const fs::path folder = fs::is_directory(path, ignored)                     ? path
                          : path.filename().native().ends_with(".index.json") ? path.parent_path()
                                                                              : fs::path();
  if (folder.empty() || !fs::exists(folder / "config.json", ignored)) return std::nullopt;
  try {
    return Json::read(folder / "config.json");
  } catch (const FormatError& error) {
    state.add(Severity::warning, "config", error.what(), "", {model});
    return std::nullopt;
  }
}

// transformers' id2label {"0": name}; empty when the keys are not 0, 1, 2...
std::vector<std::string> names_by_index(const Json& id2label) {
  if (!id2label.is_object()) return {};
  std::vector<std::string> names(id2label.members().size());
  for (const auto& [key, value] : id2label.members()) {
    std::size_t index = names.size();
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
    if (error != std::errc() || end != key.data() + key.size() || index >= names.size() ||
        !value.is_string())
      return {};
    names[index] = value.as_string();
  }
  return names;
}

// Also timm's label_names.
std::vector<std::string> class_names(const Json& config) {
  if (const Json* id2label = config.find("id2label")) return names_by_index(*id2label);
  const Json* list = config.find("label_names");
  if (list == nullptr) {
    const Json* pretrained = config.find("pretrained_cfg");
    list = pretrained == nullptr ? nullptr : pretrained->find("label_names");
  }
  std::vector<std::string> names;
  if (list == nullptr || !list->is_array()) return names;
  for (const Json& name : list->items())
    names.push_back(name.is_string() ? name.as_string() : name.dump());
  return names;
}

std::string difference_of(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  if (a.size() != b.size())
    return std::to_string(a.size()) + " class names against " + std::to_string(b.size());
  const auto [left, right] = std::mismatch(a.begin(), a.end(), b.begin());
  return std::string(std::is_permutation(a.begin(), a.end(), b.begin())
                         ? "the same class names in another order"
                         : "other class names") +
         ": the first difference is class " + std::to_string(left - a.begin()) + ", " +
         in_quotes(*left) + " against " + in_quotes(*right);
}

void compare_classes(DoctorState& state, std::size_t first, const Json& config, std::size_t other,
                     const Json& other_config) {
  const auto a = class_names(config), b = class_names(other_config);
  if (a.empty() || b.empty() || a == b) return;
  state.add(Severity::failure, "classes",
            state.names[first] + " and " + state.names[other] + " have " + difference_of(a, b),
            "average models whose classes are the same, in the same order", {first, other});
}

// What changes a model's meaning and does not show in its shapes.
constexpr const char* kArchitectureKeys[] = {
    "model_type",          "architecture", "architectures", "num_attention_heads",
    "hidden_act",          "image_size",   "patch_size",    "layer_norm_eps",
    "rope_theta",          "global_pool",  "model_args",    "num_key_value_heads",
    "tie_word_embeddings",
};

void compare_architectures(DoctorState& state, std::size_t first, const Json& config,
                           std::size_t other, const Json& other_config) {
  for (const char* key : kArchitectureKeys) {
    const Json *a = config.find(key), *b = other_config.find(key);
    if (a == nullptr || b == nullptr || *a == *b) continue;
    state.add(Severity::failure, "config",
              std::string("config.json says ") + key + " " + printable(a->dump()) + " in " +
                  state.names[first] + " and " + printable(b->dump()) + " in " + state.names[other],
              "average models of one architecture and base", {first, other});
  }
}

}  // namespace

void check_configs(DoctorState& state) {
  std::optional<Json> first;
  std::size_t whose = 0;
  std::vector<std::size_t> without;
  for (const std::size_t model : state.comparable) {
    const std::optional<Json> config = read_config(state, model);
    if (!config) {
      without.push_back(model);
    } else if (!first) {
      first = config;
      whose = model;
    } else {
      compare_classes(state, whose, *first, model, *config);
      compare_architectures(state, whose, *first, model, *config);
    }
  }
  if (first && !without.empty())
    state.add(Severity::note, "classes",
              "no config.json beside " + state.names_of(without) +
                  ": whether its classes are the same cannot be told",
              "", without);
}

}  // namespace stockpot
