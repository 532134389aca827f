// LoRA adapters as peft saves them: adapter_config.json and adapter_model.safetensors or .bin.
// A module's weight changes by scaling * B A (Hu et al. 2021), with scaling = lora_alpha / r, or
// lora_alpha / sqrt(r) for rank-stabilised adapters (Kalajdzievski 2023).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/checkpoint/checkpoint.h"

namespace stockpot {

enum class LoraKind { linear, embedding, convolution };

struct LoraModule {
  std::string name;  // in the base model: its tensor is `name`.weight
  LoraKind kind = LoraKind::linear;
  const TensorView* a = nullptr;  // rank x inputs (convolution: rank x inputs x kernel)
  const TensorView* b = nullptr;  // outputs x rank (convolution: outputs x rank x 1 ...)
  std::int64_t rank = 0;
  double scaling = 1;
};

struct LoraAdapter {
  // Throws FormatError naming the file: no adapter there, another method than LoRA or a variant
  // with other arithmetic (DoRA, IA3, QA-LoRA, PiSSA...), a tensor of unknown meaning, an A
  // without its B, ranks that disagree with the configuration.
  static LoraAdapter open(const fs::path& folder, const OpenOptions& options = {});

  fs::path path;
  std::string base_model;  // base_model_name_or_path; "" when not said
  Json config;             // adapter_config.json as it was read
  bool fan_in_fan_out = false;
  std::shared_ptr<const Checkpoint> weights;
  std::vector<LoraModule> modules;  // by name
  // Tensors that were trained whole (modules_to_save, biases), by their name in the base model.
  std::map<std::string, const TensorView*> whole;

  const LoraModule* find(const std::string& name) const;
};

// Throws UsageError naming two adapters that say they were trained on different base models.
void require_same_base(const std::vector<LoraAdapter>& adapters);

}  // namespace stockpot
