#include "stockpot/merge/lora_soup.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <map>
#include <set>

#include "stockpot/base/error.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/merge/lora_factors.h"

namespace stockpot {
namespace {

struct SoupModule {
  std::string name;
  LoraKind kind = LoraKind::linear;
  std::vector<LoraTerm> terms;
  std::int64_t full_rank = 0, rank = 0;
  std::size_t a = 0, b = 0;  // indices of the outputs
};

struct WholeTensor {
  std::vector<std::pair<const TensorView*, double>> terms;
  std::size_t output = 0;
};

// peft's patterns are regular expressions that match the end of a module's name; anchored, they
// mean this one only.
std::string exactly(const std::string& module) {
  std::string pattern = "^";
  for (const char c : module) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '_' ||
                       static_cast<unsigned char>(c) >= 128;
    pattern += plain ? std::string(1, c) : std::string("\\") + c;
  }
  return pattern;
}

std::set<std::string> words(const Json* list) {
  std::set<std::string> found;
  if (list != nullptr && list->is_array())
    for (const Json& item : list->items())
      if (item.is_string()) found.insert(item.as_string());
  return found;
}

Json list_of(const std::set<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push(text);
  return list;
}

std::string bias_of(const LoraAdapter& adapter) {
  const Json* bias = adapter.config.find("bias");
  return bias != nullptr && bias->is_string() ? bias->as_string() : "none";
}

// Whether all adapters say the same under these keys, lists taken as sets.
bool agree(const std::vector<LoraAdapter>& adapters, std::span<const char* const> keys) {
  for (const char* key : keys) {
    const Json* first = adapters.front().config.find(key);
    for (const LoraAdapter& adapter : adapters) {
      const Json* other = adapter.config.find(key);
      const bool lists =
          first != nullptr && first->is_array() && other != nullptr && other->is_array();
      if (lists ? words(first) != words(other)
                : (first == nullptr ? Json() : *first) != (other == nullptr ? Json() : *other))
        return false;
    }
  }
  return true;
}

void write_values_of(std::span<const double> values, std::size_t output, CheckpointWriter& writer) {
  const OutputTensor& tensor = writer.tensors()[output];
  std::vector<std::byte> bytes(byte_count(tensor.dtype, element_count(tensor.shape)));
  write_values(values, tensor.dtype, bytes);
  const std::vector<double> rounded = [&] {
    std::vector<double> back(values.size());
    read_values(TensorView{tensor.name, tensor.dtype, tensor.shape, bytes}, back);
    return back;
  }();
  for (std::size_t i = 0; i < values.size(); ++i)
    if (std::isinf(rounded[i]) && std::isfinite(values[i]))
      throw FormatError("tensor " + in_quotes(tensor.name) + " of the soup holds " +
                        shortest(values[i]) + ", too large for " +
                        std::string(row(tensor.dtype).safetensors) + "; use --dtype f32");
  writer.write(output, 0, bytes);
}

}  // namespace

struct LoraSoup::State {
  const std::vector<LoraAdapter>& adapters;
  LoraSoupOptions options;
  Dtype dtype = Dtype::f32;
  std::vector<SoupModule> modules;
  std::vector<WholeTensor> whole;
  std::vector<OutputTensor> outputs;
  Json config;

  void collect_modules();
  void collect_whole();
  void make_config();
};

// The union of the modules: an adapter that leaves one alone adds nothing to it.
void LoraSoup::State::collect_modules() {
  std::map<std::string, SoupModule> by_name;
  for (std::size_t i = 0; i < adapters.size(); ++i)
    for (const LoraModule& module : adapters[i].modules) {
      SoupModule& soup = by_name[module.name];
      if (!soup.terms.empty()) {
        Shape a = module.a->shape, b = module.b->shape;
        a[0] = b[1] = soup.terms.front().module->rank;
        const LoraModule& first = *soup.terms.front().module;
        if (a != first.a->shape || b != first.b->shape || module.kind != first.kind)
          throw FormatError(adapters[i].path,
                            "module " + in_quotes(module.name) + ": lora_A " +
                                to_string(module.a->shape) + " and lora_B " +
                                to_string(module.b->shape) + " do not fit " +
                                to_string(first.a->shape) + " and " + to_string(first.b->shape) +
                                " of another adapter; the adapters are of different models");
      }
      soup.name = module.name;
      soup.kind = module.kind;
      soup.terms.push_back({&module, options.weights[i]});
      soup.full_rank += module.rank;
    }
  for (auto& [name, soup] : by_name) {
    soup.rank = std::min(soup.full_rank, options.rank.value_or(soup.full_rank));
    const bool embedding = soup.kind == LoraKind::embedding;
    Shape a = soup.terms.front().module->a->shape, b = soup.terms.front().module->b->shape;
    a[0] = b[1] = soup.rank;
    const std::string start = "base_model.model." + name;
    soup.a = outputs.size();
    outputs.push_back({start + (embedding ? ".lora_embedding_A" : ".lora_A.weight"), dtype, a, {}});
    soup.b = outputs.size();
    outputs.push_back({start + (embedding ? ".lora_embedding_B" : ".lora_B.weight"), dtype, b, {}});
    modules.push_back(std::move(soup));
  }
}

void LoraSoup::State::collect_whole() {
  std::set<std::string> names;
  for (const LoraAdapter& adapter : adapters)
    for (const auto& [name, value] : adapter.whole) names.insert(name);
  for (const std::string& name : names) {
    WholeTensor tensor;
    const TensorView* first = nullptr;
    for (std::size_t i = 0; i < adapters.size(); ++i) {
      const auto value = adapters[i].whole.find(name);
      if (value == adapters[i].whole.end())
        throw FormatError(adapters[i].path,
                          "lacks tensor " + in_quotes(name) +
                              ", which another adapter trained whole: its mean needs the base's "
                              "value; fold the soup into the base with --base");
      if (first == nullptr) first = value->second;
      if (value->second->shape != first->shape)
        throw FormatError(adapters[i].path, "tensor " + in_quotes(name) + " has the shape " +
                                                to_string(value->second->shape) +
                                                ", another adapter's " + to_string(first->shape));
      tensor.terms.emplace_back(value->second, options.weights[i]);
    }
    tensor.output = outputs.size();
    const Dtype type = row(first->dtype).floating ? dtype : first->dtype;
    outputs.push_back({"base_model.model." + name, type, first->shape, {}});
    whole.push_back(std::move(tensor));
  }
}

void LoraSoup::State::make_config() {
  config = adapters.front().config;
  std::int64_t usual = 1;  // the rank of most modules; the first of equals
  std::map<std::int64_t, int> count;
  for (const SoupModule& module : modules)
    if (++count[module.rank] > count[usual]) usual = module.rank;
  Json ranks = Json::object({}), targets = Json::array();
  std::set<std::string> saved;
  for (const SoupModule& module : modules) {
    targets.push(module.name);
    if (module.rank != usual) ranks.set(exactly(module.name), module.rank);
  }
  for (const LoraAdapter& adapter : adapters)
    saved.merge(words(adapter.config.find("modules_to_save")));
  config.set("r", usual);
  config.set("lora_alpha", usual);
  config.set("rank_pattern", ranks);
  config.set("alpha_pattern", ranks);
  config.set("use_rslora", false);
  config.set("init_lora_weights", true);
  if (!saved.empty()) config.set("modules_to_save", list_of(saved));
  constexpr std::array kKeys{"target_modules", "exclude_modules", "layers_to_transform",
                             "layers_pattern"};
  if (agree(adapters, kKeys)) return;
  for (const char* key : kKeys) config.set(key, nullptr);
  config.set("target_modules", std::move(targets));
}

LoraSoup::LoraSoup(const std::vector<LoraAdapter>& adapters, const LoraSoupOptions& options)
    : state_(new State{adapters, options, Dtype::f32, {}, {}, {}, {}}) {
  for (const LoraAdapter& adapter : adapters)
    if (bias_of(adapter) != bias_of(adapters.front()))
      throw UsageError(printable(adapter.path.string()) + ": bias is " +
                       in_quotes(bias_of(adapter)) + ", of the first adapter it is " +
                       in_quotes(bias_of(adapters.front())) +
                       "; fold the soup into the base with "
                       "--base");
  std::set<Dtype> types;
  for (const LoraAdapter& adapter : adapters)
    for (const LoraModule& module : adapter.modules) types.insert(module.a->dtype);
  state_->dtype = options.dtype.value_or(types.size() == 1 ? *types.begin() : Dtype::f32);
  state_->collect_modules();
  state_->collect_whole();
  state_->make_config();
}

LoraSoup::~LoraSoup() = default;

const std::vector<OutputTensor>& LoraSoup::tensors() const { return state_->outputs; }

const Json& LoraSoup::config() const { return state_->config; }

std::vector<LoraSoup::Truncation> LoraSoup::write(CheckpointWriter& writer) const {
  std::vector<Truncation> truncations;
  for (const SoupModule& module : state_->modules) {
    LowRank change = product_form(module.terms);
    if (module.rank < module.full_rank)
      truncations.push_back(
          {module.name, module.full_rank, module.rank, truncate(change, module.rank)});
    write_values_of(change.right.values, module.a, writer);
    write_values_of(change.left.values, module.b, writer);
  }
  for (const WholeTensor& tensor : state_->whole) {
    // Integers are never averaged: the first adapter's are taken.
    const TensorView& first = *tensor.terms.front().first;
    if (!row(first.dtype).floating) {
      writer.write(tensor.output, 0, first.bytes);
      continue;
    }
    std::vector<double> sum(static_cast<std::size_t>(element_count(first.shape)));
    std::vector<double> values(sum.size());
    for (const auto& [view, weight] : tensor.terms) {
      read_values(*view, values);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += weight * values[i];
    }
    write_values_of(sum, tensor.output, writer);
  }
  return truncations;
}

}  // namespace stockpot
