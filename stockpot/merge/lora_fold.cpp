#include "stockpot/merge/lora_fold.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "stockpot/base/error.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/merge/lora_factors.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {
namespace {

// What happens to one tensor of the output.
struct Edit {
  std::vector<LoraTerm> terms;
  bool transpose = false;  // the weight is inputs x outputs (Conv1D, Embedding)
  // Trained whole: the value is the weighted sum of these.
  std::vector<std::pair<const TensorView*, double>> whole;
};

// How a module's change lies in the weight: as it is (Linear), or transposed (Conv1D, Embedding).
enum class Way { neither, plain, turned, either };

Way way_of(const LoraModule& module, const TensorView& weight) {
  Shape plain = module.a->shape;  // rank x inputs x kernel
  plain[0] = module.b->shape[0];
  const Shape turned{plain[1], plain[0]};
  const bool fits = module.kind != LoraKind::embedding && weight.shape == plain;
  const bool fits_turned = module.kind != LoraKind::convolution && weight.shape == turned;
  if (fits && fits_turned) return Way::either;
  return fits ? Way::plain : fits_turned ? Way::turned : Way::neither;
}

[[noreturn]] void refuse_shape(const LoraModule& module, const TensorView& weight,
                               const LoraAdapter& adapter) {
  Shape shape = module.a->shape;
  shape[0] = module.b->shape[0];
  throw FormatError(adapter.path, "module " + in_quotes(module.name) +
                                      " changes a weight of shape " + to_string(shape) +
                                      ", the base has " + to_string(weight.shape));
}

// Starts with the first term and not with zero, which would lose the sign of -0.
void sum_of(const std::vector<std::pair<const TensorView*, double>>& terms, std::int64_t first,
            std::span<double> values) {
  read_values(*terms.front().first, first, values);
  for (double& value : values) value *= terms.front().second;
  TileBuffer buffer;
  const std::span part = std::span(buffer).first(values.size());
  for (const auto& [view, weight] : std::span(terms).subspan(1)) {
    read_values(*view, first, part);
    for (std::size_t i = 0; i < part.size(); ++i) values[i] += weight * part[i];
  }
}

// Gives a tensor its own storage, and those that shared it a new owner.
void untie(std::vector<OutputTensor>& outputs, std::size_t index) {
  outputs[index].tied_to.reset();
  std::optional<std::size_t> heir;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].tied_to != index) continue;
    outputs[i].tied_to = heir;
    if (!heir) heir = i;
  }
}

// How the adapters' names become names of the base.
enum class Naming { same, without_first_part };

std::string renamed(const std::string& name, Naming naming) {
  if (naming == Naming::same) return name;
  const auto dot = name.find('.');
  return dot == std::string::npos ? name : name.substr(dot + 1);
}

std::vector<std::string> missing_names(const Checkpoint& base, const LoraAdapter& adapter,
                                       Naming naming) {
  std::vector<std::string> missing;
  for (const LoraModule& module : adapter.modules)
    if (base.find(renamed(module.name, naming) + ".weight") == nullptr)
      missing.push_back(module.name + ".weight");
  return missing;
}

Naming naming_of(const Checkpoint& base, const LoraAdapter& adapter) {
  const auto missing = missing_names(base, adapter, Naming::same);
  if (missing.empty()) return Naming::same;
  if (missing_names(base, adapter, Naming::without_first_part).empty())
    return Naming::without_first_part;
  throw FormatError(adapter.path, "changes " + std::to_string(missing.size()) +
                                      " tensors that the base " + printable(base.path().string()) +
                                      " does not have: " + some_of(missing) +
                                      "; is it another model?");
}

}  // namespace

struct LoraFold::State {
  const Checkpoint& base;
  const std::vector<LoraAdapter>& adapters;
  LoraFoldOptions options;
  ConversionPlan plan;
  std::map<std::string, std::size_t> index;  // of plan.outputs by name
  std::map<std::size_t, Edit> edits;         // by output

  // The outputs that are the same bytes in the base: a change of one changes all.
  std::vector<std::size_t> tied(std::size_t output) const {
    std::vector<std::size_t> same;
    const TensorView& view = *plan.sources[output];
    for (std::size_t i = 0; i < plan.sources.size(); ++i)
      if (i == output ||
          (!view.bytes.empty() && plan.sources[i]->bytes.data() == view.bytes.data()))
        same.push_back(i);
    return same;
  }

  // How square weights lie, which fit either way: as the adapter's others do. peft's
  // fan_in_fan_out counts only without others, since it is that of the last layer made.
  bool squares_turned(const LoraAdapter& adapter, Naming naming) const {
    bool plain = false, turned = false;
    const LoraModule* square = nullptr;
    for (const LoraModule& module : adapter.modules) {
      if (module.kind != LoraKind::linear) continue;
      const TensorView& weight = *plan.sources[index.at(renamed(module.name, naming) + ".weight")];
      const Way way = way_of(module, weight);
      plain = plain || way == Way::plain;
      turned = turned || way == Way::turned;
      if (way == Way::either) square = &module;
    }
    if (square != nullptr && plain && turned)
      throw FormatError(adapter.path,
                        "module " + in_quotes(square->name) +
                            " changes a square weight, and of the other weights some are stored "
                            "transposed and some are not: the files don't say which this one is; "
                            "merge this adapter with peft");
    return plain || turned ? turned : adapter.fan_in_fan_out;
  }

  void add_modules(std::size_t adapter_index, Naming naming) {
    const LoraAdapter& adapter = adapters[adapter_index];
    const bool square_turned = squares_turned(adapter, naming);
    for (const LoraModule& module : adapter.modules) {
      const std::size_t output = index.at(renamed(module.name, naming) + ".weight");
      const TensorView& weight = *plan.sources[output];
      if (!row(weight.dtype).floating)
        throw FormatError(adapter.path, "changes " + in_quotes(weight.name) +
                                            " of the base, which is " +
                                            std::string(row(weight.dtype).safetensors) +
                                            ": adapters are added to floating-point weights only");
      const Way way = way_of(module, weight);
      if (way == Way::neither) refuse_shape(module, weight, adapter);
      const bool transpose = way == Way::either ? square_turned : way == Way::turned;
      for (const std::size_t i : tied(output)) {
        Edit& edit = edits[i];
        if (!edit.terms.empty() && edit.transpose != transpose)
          throw FormatError(adapter.path, "module " + in_quotes(module.name) +
                                              " is transposed, in another adapter it is not");
        edit.transpose = transpose;
        edit.terms.push_back({&module, options.weights[adapter_index] * options.scale});
      }
    }
  }

  void add_whole(const std::string& name, const std::vector<const TensorView*>& values);
};

// A tensor that some adapters trained whole; values[i] is null where adapter i left it alone.
void LoraFold::State::add_whole(const std::string& name,
                                const std::vector<const TensorView*>& values) {
  const auto first = static_cast<std::size_t>(
      std::find_if(values.begin(), values.end(), [](const TensorView* v) { return v != nullptr; }) -
      values.begin());
  double rest = 1;
  Edit edit;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == nullptr) continue;
    if (values[i]->shape != values[first]->shape)
      throw FormatError(adapters[i].path, "tensor " + in_quotes(name) + " has the shape " +
                                              to_string(values[i]->shape) + ", in " +
                                              printable(adapters[first].path.string()) + " " +
                                              to_string(values[first]->shape));
    edit.whole.emplace_back(values[i], options.weights[i]);
    rest -= options.weights[i];
  }
  const TensorView* own = base.find(name);
  if (edit.whole.size() < values.size()) {
    if (own == nullptr || own->shape != values[first]->shape)
      throw FormatError(adapters[first].path,
                        "tensor " + in_quotes(name) +
                            " was trained whole by some adapters only, and the base has none of "
                            "its shape for the others");
    edit.whole.emplace_back(own, rest);
  }
  // The new tensor has the type of the base's, where that has one. Integers are never averaged:
  // the first adapter's are taken.
  const bool floating = row(values[first]->dtype).floating;
  const Dtype usual =
      own != nullptr && row(own->dtype).floating ? own->dtype : values[first]->dtype;
  const Dtype dtype = floating ? options.dtype.value_or(usual) : values[first]->dtype;
  const auto place = index.find(name);
  const std::size_t output = place != index.end() ? place->second : plan.outputs.size();
  if (place == index.end()) {
    plan.outputs.push_back({name, dtype, {}, {}});
    plan.sources.push_back(nullptr);
    index.emplace(name, output);
    plan.notes.push_back("the base has no " + in_quotes(name) + ": it is taken from the adapters");
  }
  untie(plan.outputs, output);
  plan.outputs[output].shape = values[first]->shape;
  plan.outputs[output].dtype = dtype;
  plan.sources[output] = values[first];
  if (floating)
    edits[output].whole = std::move(edit.whole);
  else
    edits.erase(output);
}

LoraFold::LoraFold(const Checkpoint& base, const std::vector<LoraAdapter>& adapters,
                   const LoraFoldOptions& options)
    : state_(new State{base, adapters, options, {}, {}, {}}) {
  State& state = *state_;
  state.plan = plan_conversion(base, options.dtype, options.container);
  for (std::size_t i = 0; i < state.plan.outputs.size(); ++i)
    state.index.emplace(state.plan.outputs[i].name, i);
  std::map<std::string, std::vector<const TensorView*>> whole;
  for (std::size_t i = 0; i < adapters.size(); ++i) {
    const Naming naming = naming_of(base, adapters[i]);
    state.add_modules(i, naming);
    if (naming == Naming::without_first_part)
      state.plan.notes.push_back(adapters[i].path.string() +
                                 ": the first part of its modules' names is not in the base's "
                                 "names and was left out");
    for (const auto& [name, value] : adapters[i].whole) {
      // A head lies outside of the part whose name the base leaves out.
      const std::string mine =
          base.find(name) == nullptr && base.find(renamed(name, naming)) != nullptr
              ? renamed(name, naming)
              : name;
      auto& values = whole[mine];
      values.resize(adapters.size());
      values[i] = value;
    }
  }
  for (const auto& [name, values] : whole) state.add_whole(name, values);
}

LoraFold::~LoraFold() = default;

const ConversionPlan& LoraFold::plan() const { return state_->plan; }

std::size_t LoraFold::changed() const {
  return static_cast<std::size_t>(
      std::count_if(state_->edits.begin(), state_->edits.end(),
                    [](const auto& e) { return !e.second.terms.empty(); }));
}

std::size_t LoraFold::replaced() const {
  return static_cast<std::size_t>(
      std::count_if(state_->edits.begin(), state_->edits.end(),
                    [](const auto& e) { return !e.second.whole.empty(); }));
}

void LoraFold::write(CheckpointWriter& writer, Progress& progress) const {
  const TensorEdits edits = [&](std::size_t tensor) -> TileEdit {
    const auto place = state_->edits.find(tensor);
    if (place == state_->edits.end()) return {};
    const Edit& edit = place->second;
    auto change = std::make_shared<LowRank>();
    if (!edit.terms.empty()) *change = product_form(edit.terms);
    if (edit.transpose) *change = transposed(*change);
    return [&edit, change](std::int64_t first, std::span<double> values) {
      if (!edit.whole.empty()) sum_of(edit.whole, first, values);
      if (!edit.terms.empty()) add_product(*change, first, values);
    };
  };
  convert(state_->plan, state_->base.path(), writer, progress, edits);
}

}  // namespace stockpot
