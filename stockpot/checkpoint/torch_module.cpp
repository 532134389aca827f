// Modules read as inert data: TorchScript and LibTorch store parameters and submodules as
// attributes, Python's torch.save(model) in the dicts _parameters, _buffers and _modules.
#include <algorithm>

#include "stockpot/base/error.h"
#include "stockpot/checkpoint/torch_state.h"
#include "stockpot/checkpoint/torch_tensor.h"

namespace stockpot {
namespace {

constexpr std::size_t kDeepest = 64;  // modules in modules
constexpr std::size_t kMostVisits = 1'000'000;

bool is_python_module(const PickleValue& attributes) {
  return attributes.find("_modules") && attributes.find("_parameters");
}

// A dict that is being walked, entry by entry.
struct Level {
  PickleValue entries;
  std::size_t next = 0;
  std::size_t name_size = 0;  // of the dotted name of the dict itself
  std::size_t depth = 0;
};

class ModuleWalk {
 public:
  explicit ModuleWalk(const fs::path& origin) : origin_(origin), budget_(origin) {}

  std::vector<NamedValue> walk(const PickleValue& module) {
    enter(module, 1);
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.next == level.entries.size()) {
        levels_.pop_back();
        continue;
      }
      const PickleValue key = level.entries.key(level.next);
      const PickleValue value = level.entries.value(level.next++);
      // Telling whether a value is a module takes a look through its attributes.
      const auto attributes = value.state();
      visits_ += 1 + (attributes ? attributes->size() : 0);
      if (visits_ > kMostVisits)
        throw FormatError(origin_,
                          "the modules hold more than 1,000,000 values (a shared value "
                          "counts wherever it is)");
      name_.resize(level.name_size);
      if (key.is(PickleKind::text)) visit(key.text(), value, level.depth + 1);
    }
    return std::move(found_);
  }

 private:
  void visit(std::string_view key, const PickleValue& value, std::size_t depth) {
    if (!is_torch_tensor(value) && !is_torch_module(value)) return;
    budget_.take(name_.size() + key.size());
    if (!name_.empty()) name_ += '.';
    name_ += key;
    if (is_torch_tensor(value))
      found_.push_back({name_, value});
    else
      enter(value, depth);
  }

  void enter(const PickleValue& module, std::size_t depth) {
    if (depth > kDeepest)
      throw FormatError(origin_, "modules are nested deeper than 64 (one that contains itself?)");
    const PickleValue attributes = *module.state();
    const auto push = [&](const PickleValue& entries) {
      levels_.push_back({entries, 0, name_.size(), depth});
    };
    if (!is_python_module(attributes)) return push(attributes);
    // Taken from the end, so that parameters come first, as in state_dict().
    for (const char* part : {"_modules", "_buffers", "_parameters"})
      if (const auto entries = attributes.find(part); entries && entries->is(PickleKind::dict))
        push(*entries);
  }

  const fs::path& origin_;
  std::vector<Level> levels_;
  std::string name_;
  std::vector<NamedValue> found_;
  std::size_t visits_ = 0;
  NameBudget budget_;
};

}  // namespace

void NameBudget::take(std::size_t name_size) {
  constexpr std::size_t kMostNames = 200'000, kMostBytes = 64'000'000;
  bytes_ += std::min(name_size, kMostBytes + 1);
  if (++names_ > kMostNames || bytes_ > kMostBytes)
    throw FormatError(origin_,
                      "the entries of the pickle have more than 200,000 names, or more "
                      "than 64 MB of them");
}

bool is_torch_module(const PickleValue& value) {
  if (!value.is(PickleKind::record) || value.known() != Known::none) return false;
  const auto attributes = value.state();
  if (!attributes || !attributes->is(PickleKind::dict)) return false;
  return value.module().starts_with("__torch__") || is_python_module(*attributes);
}

std::vector<NamedValue> module_tensors(const PickleValue& module, const fs::path& origin) {
  return ModuleWalk(origin).walk(module);
}

}  // namespace stockpot
