#include "stockpot/merge/lora.h"

#include <algorithm>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/checkpoint/config_reader.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/merge/patterns.h"

namespace stockpot {
namespace {

constexpr std::string_view kPrefix = "base_model.model.";
constexpr std::int64_t kMostRank = 1'000'000;

// Options whose weights do not follow B A alone. Absent, null, false and empty ones are fine.
constexpr std::pair<const char*, const char*> kOtherArithmetic[] = {
    {"use_dora", "DoRA"},
    {"use_qalora", "QA-LoRA"},
    {"use_bdlora", "block-diagonal LoRA"},
    {"lora_bias", "a bias in lora_B"},
    {"layer_replication", "replicated layers"},
    {"alora_invocation_tokens", "activated LoRA"},
    {"trainable_token_indices", "trained tokens"},
    {"target_parameters", "LoRA on bare parameters"},
    {"arrow_config", "Arrow routing"},
    {"kasa_config", "KaSA"},
    {"monteclora_config", "MonteCLoRA"},
    {"velora_config", "VeLoRA"},
};

// Starts that are taken out of the base's weights: the adapter fits the rest, not the base.
constexpr std::string_view kChangedBase[] = {"pissa", "olora", "corda", "loftq", "lora_ga"};

bool is_set(const Json* value) {
  if (value == nullptr || value->is_null()) return false;
  if (value->is_bool()) return value->as_bool();
  if (value->is_array()) return !value->items().empty();
  return !value->is_object() || !value->members().empty();
}

void require_plain_lora(const ConfigReader& config, const fs::path& file) {
  const std::string type = config.string("peft_type", "");
  if (type != "LORA")
    throw FormatError(file, "peft_type is " + in_quotes(type) + "; only LORA can be merged");
  for (const auto& [key, method] : kOtherArithmetic)
    if (is_set(config.find(key)))
      throw FormatError(file, std::string(key) + " is set: " + method +
                                  " is not supported; merge this adapter with peft");
  const Json* start = config.find("init_lora_weights");
  if (start == nullptr || !start->is_string()) return;
  for (const std::string_view method : kChangedBase)
    if (lower_ascii(start->as_string()).starts_with(method))
      throw FormatError(file, "init_lora_weights is " + in_quotes(start->as_string()) +
                                  ", which takes the start out of the base's weights; save the "
                                  "adapter with path_initial_model_for_weight_conversion");
}

// A value by module, as peft looks it up: the first key that matches the end of the name.
class ByModule {
 public:
  ByModule(const ConfigReader& config, std::string_view key, double usual) : usual_(usual) {
    const Json* table = config.find(key);
    if (table == nullptr) return;
    if (!table->is_object()) config.fail(key, "is not an object");
    for (const auto& [pattern, value] : table->members()) {
      if (!value.is_number()) config.fail(key, in_quotes(pattern) + " is not a number");
      entries_.emplace_back(NamePattern("^(?:(?:.*\\.)?(?:" + pattern + ")$)"), value.as_number());
    }
  }
  double at(const std::string& module) const {
    for (const auto& [pattern, value] : entries_)
      if (pattern.matches(module)) return value;
    return usual_;
  }

 private:
  double usual_;
  std::vector<std::pair<NamePattern, double>> entries_;
};

struct Part {
  std::string_view ending;
  LoraKind kind;
  bool is_a;
};
constexpr Part kParts[] = {
    {".lora_A.weight", LoraKind::linear, true},
    {".lora_B.weight", LoraKind::linear, false},
    {".lora_embedding_A", LoraKind::embedding, true},
    {".lora_embedding_B", LoraKind::embedding, false},
};

// Sorts one tensor into a module or among those trained whole.
void place_tensor(const TensorView& tensor, std::map<std::string, LoraModule>& modules,
                  LoraAdapter& adapter) {
  const fs::path& file = adapter.weights->path();
  if (!tensor.name.starts_with(kPrefix))
    throw FormatError(
        file, "tensor " + in_quotes(tensor.name) + " does not begin with " + std::string(kPrefix));
  std::string name = tensor.name.substr(kPrefix.size());
  for (const Part& part : kParts) {
    if (!name.ends_with(part.ending)) continue;
    name.resize(name.size() - part.ending.size());
    LoraModule& module = modules[name];
    module.name = name;
    module.kind = part.kind;
    (part.is_a ? module.a : module.b) = &tensor;
    return;
  }
  if (name.find("lora_") != std::string::npos || name.find("ia3_") != std::string::npos)
    throw FormatError(file, "tensor " + in_quotes(tensor.name) +
                                " belongs to a variant of LoRA that is not supported; merge this "
                                "adapter with peft");
  // The weight of an embedding that is saved beside its low-rank change.
  constexpr std::string_view kBase = ".base_layer";
  if (const auto place = name.find(kBase); place != std::string::npos)
    name.erase(place, kBase.size());
  adapter.whole[name] = &tensor;
}

void check_shapes(LoraModule& module, const fs::path& file) {
  const std::string name = "module " + in_quotes(module.name);
  if (module.a == nullptr || module.b == nullptr)
    throw FormatError(file, name + " has " + (module.a == nullptr ? "no lora_A" : "no lora_B"));
  const Shape &a = module.a->shape, &b = module.b->shape;
  const bool known_types = row(module.a->dtype).floating && row(module.b->dtype).floating;
  const bool fits =
      a.size() >= 2 && b.size() == a.size() && a[0] == b[1] && a[0] > 0 &&
      (module.kind == LoraKind::linear || a.size() == 2) &&
      std::all_of(b.begin() + 2, b.end(), [](std::int64_t size) { return size == 1; });
  if (!fits || !known_types)
    throw FormatError(file, name + ": lora_A of shape " + to_string(a) + " and lora_B of shape " +
                                to_string(b) + " are no factors of one weight");
  if (a.size() > 2) module.kind = LoraKind::convolution;
  module.rank = a[0];
}

fs::path weights_file(const fs::path& folder) {
  std::error_code ignored;
  for (const char* name : {"adapter_model.safetensors", "adapter_model.bin"})
    if (fs::exists(folder / name, ignored)) return folder / name;
  throw FormatError(folder, "no adapter_model.safetensors and no adapter_model.bin in this folder");
}

}  // namespace

LoraAdapter LoraAdapter::open(const fs::path& folder, const OpenOptions& options) {
  LoraAdapter adapter;
  adapter.path = folder;
  const fs::path file = folder / "adapter_config.json";
  adapter.config = Json::read(file);
  const ConfigReader config(adapter.config, file);
  require_plain_lora(config, file);
  adapter.base_model = config.string("base_model_name_or_path", "");
  adapter.fan_in_fan_out = config.boolean("fan_in_fan_out", false);
  adapter.weights =
      std::make_shared<const Checkpoint>(Checkpoint::open(weights_file(folder), options));

  std::map<std::string, LoraModule> modules;
  for (const TensorView& tensor : adapter.weights->tensors())
    place_tensor(tensor, modules, adapter);
  const auto rank = static_cast<double>(config.integer("r", 8, 1, kMostRank));
  const ByModule ranks(config, "rank_pattern", rank);
  const ByModule alphas(config, "alpha_pattern", config.number("lora_alpha", 8, -1e9, 1e9));
  const bool stabilised = config.boolean("use_rslora", false);
  for (auto& [name, module] : modules) {
    check_shapes(module, adapter.weights->path());
    if (ranks.at(name) != static_cast<double>(module.rank))
      throw FormatError(file, "module " + in_quotes(name) + " should have rank " +
                                  shortest(ranks.at(name)) + ", its lora_A has " +
                                  std::to_string(module.rank));
    const auto r = static_cast<double>(module.rank);
    module.scaling = alphas.at(name) / (stabilised ? std::sqrt(r) : r);
    adapter.modules.push_back(module);
  }
  if (adapter.modules.empty())
    throw FormatError(adapter.weights->path(), "no lora_A and lora_B in this file");
  return adapter;
}

const LoraModule* LoraAdapter::find(const std::string& name) const {
  const auto place = std::lower_bound(
      modules.begin(), modules.end(), name,
      [](const LoraModule& module, const std::string& wanted) { return module.name < wanted; });
  return place != modules.end() && place->name == name ? &*place : nullptr;
}

void require_same_base(const std::vector<LoraAdapter>& adapters) {
  for (const LoraAdapter& other : adapters)
    if (other.base_model != adapters.front().base_model)
      throw UsageError(printable(other.path.string()) + " was trained on " +
                       in_quotes(other.base_model) + ", " +
                       printable(adapters.front().path.string()) + " on " +
                       in_quotes(adapters.front().base_model) +
                       ": averages of adapters need one base model; --allow-different-base says "
                       "that both names mean the same");
}

}  // namespace stockpot
