#include "stockpot/checkpoint/torch_state.h"

#include <algorithm>
#include <array>
#include <optional>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/checkpoint/torch_counts.h"
#include "stockpot/checkpoint/torch_tensor.h"

namespace stockpot {
namespace {

constexpr std::array<std::string_view, 2> kAveraged = {"state_dict_ema", "model_ema"};
constexpr std::array<std::string_view, 8> kRaw = {
    "state_dict", "model", "model_state_dict", "net", "weights", "ema", "teacher", "student"};
constexpr std::array<std::string_view, 2> kPrefixes = {"module.", "_orig_mod."};
constexpr std::array<std::string_view, 2> kLightningPrefixes = {"model.", "net."};

struct Chosen {
  std::string key;
  PickleValue value;
};

std::optional<PickleValue> entry_of(const PickleValue& value, std::string_view key) {
  if (const auto found = value.find(key)) return found;
  const auto attributes = value.state();
  return attributes ? attributes->find(key) : std::nullopt;
}

// Keys may hold dots themselves: the longest key that is there wins.
PickleValue follow(const PickleValue& root, const std::string& path, const fs::path& origin) {
  PickleValue at = root;
  std::string_view rest = path;
  while (!rest.empty()) {
    std::size_t size = rest.size();
    std::optional<PickleValue> next;
    while (size != std::string_view::npos && !(next = entry_of(at, rest.substr(0, size))))
      size = size == 0 ? std::string_view::npos : rest.rfind('.', size - 1);
    if (!next)
      throw FormatError(
          origin, "no entry " + in_quotes(path) + " in the file" + TensorCounts().places(root));
    at = *next;
    rest.remove_prefix(std::min(size + 1, rest.size()));
  }
  return at;
}

Chosen choose(const PickleValue& root, const OpenOptions& options, const fs::path& origin) {
  if (options.state_key) return {*options.state_key, follow(root, *options.state_key, origin)};
  TensorCounts counts;
  const auto candidate = [&](std::string_view key) -> std::optional<Chosen> {
    const auto found = root.find(key);
    if (!found || counts.in(*found) == 0) return std::nullopt;
    return Chosen{std::string(key), *found};
  };
  if (options.ema)
    for (const std::string_view key : kAveraged)
      if (auto chosen = candidate(key)) return *chosen;
  for (const std::string_view key : kRaw)
    if (auto chosen = candidate(key)) return *chosen;
  return {"", root};
}

class StateReader {
 public:
  StateReader(const PickleValue& root, const OpenOptions& options, const fs::path& origin)
      : root_(root),
        options_(options),
        origin_(origin),
        chosen_(choose(root, options, origin)),
        budget_(origin) {}

  TorchState read() {
    state_.key = chosen_.key;
    if (is_torch_module(chosen_.value))
      state_.tensors = module_tensors(chosen_.value, origin_);
    else if (options_.lone_tensor && is_torch_tensor(chosen_.value))
      state_.tensors = {{kLoneTensor, chosen_.value}};
    else
      take_dict(chosen_.value);
    if (state_.tensors.empty())
      throw FormatError(origin_, where() + " holds no tensors but is " + chosen_.value.describe() +
                                     counts_.places(root_));
    if (options_.strip_prefixes) strip();
    check_names();
    if (chosen_.value.id() != root_.id()) look_beside();
    return std::move(state_);
  }

 private:
  std::string where() const {
    return chosen_.key.empty() ? "the top level" : in_quotes(chosen_.key);
  }

  std::string name_of(const PickleValue& key) {
    budget_.take(key.text().size());
    return std::string(key.text());
  }

  void take_dict(const PickleValue& dict) {
    if (!dict.is(PickleKind::dict)) return;
    std::vector<std::string> left_out;
    // Non-string keys are looked at last, so that the error of a wrong dict speaks of tensors.
    const bool state_dict = counts_.in(dict) > 0;
    for (std::size_t i = 0; i < dict.size(); ++i) {
      const PickleValue key = dict.key(i), value = dict.value(i);
      if (!key.is(PickleKind::text)) {
        if (state_dict)
          throw FormatError(origin_, where() + " has the key " + key.describe() +
                                         ", names of tensors are strings");
        continue;
      }
      const std::string name = name_of(key);
      if (is_torch_tensor(value)) {
        state_.tensors.push_back({name, value});
      } else if (state_dict) {
        left_out.push_back(name);
        beside((chosen_.key.empty() ? "" : chosen_.key + ".") + name, value, 0);
      }
    }
    if (!left_out.empty())
      state_.notes.push_back(
          std::to_string(left_out.size()) +
          " entries of the state dict are no tensors and are left out: " + some_of(left_out));
  }

  bool all_start_with(std::string_view prefix) const {
    return std::all_of(state_.tensors.begin(), state_.tensors.end(),
                       [&](const NamedValue& tensor) { return tensor.name.starts_with(prefix); });
  }
  bool any_starts_with(std::string_view prefix) const {
    return std::any_of(state_.tensors.begin(), state_.tensors.end(),
                       [&](const NamedValue& tensor) { return tensor.name.starts_with(prefix); });
  }

  void strip() {
    for (const std::string_view prefix : kPrefixes) strip_one(prefix);
    if (root_.find("pytorch-lightning_version"))
      for (const std::string_view prefix : kLightningPrefixes)
        if (all_start_with(prefix)) {
          strip_one(prefix);
          break;
        }
    if (any_starts_with("encoder_q.") && any_starts_with("encoder_k.")) keep_query_encoder();
  }

  void strip_one(std::string_view prefix) {
    std::size_t count = 0;
    for (NamedValue& tensor : state_.tensors) {
      if (!tensor.name.starts_with(prefix)) continue;
      tensor.name.erase(0, prefix.size());
      ++count;
    }
    stripped_ |= count > 0;
    if (count > 0)
      state_.notes.push_back("'" + std::string(prefix) + "' was taken off " +
                             std::to_string(count) + " names");
  }

  // MoCo trains encoder_q; encoder_k is its moving average and the queue is training state.
  void keep_query_encoder() {
    const std::size_t before = state_.tensors.size();
    std::erase_if(state_.tensors,
                  [](const NamedValue& tensor) { return !tensor.name.starts_with("encoder_q."); });
    state_.notes.push_back(std::to_string(before - state_.tensors.size()) +
                           " tensors outside 'encoder_q.' (MoCo's query encoder) are left out");
    strip_one("encoder_q.");
  }

  void check_names() const {
    std::vector<std::string_view> names;
    for (const NamedValue& tensor : state_.tensors) {
      if (tensor.name.empty() || tensor.name.find('\0') != std::string::npos ||
          !is_utf8(tensor.name))
        throw FormatError(origin_, "the tensor name " + in_quotes(tensor.name) +
                                       " is empty, not UTF-8 or holds a NUL");
      names.push_back(tensor.name);
    }
    std::sort(names.begin(), names.end());
    if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
      throw FormatError(origin_,
                        "two tensors are named " + in_quotes(*twice) +
                            (stripped_ ? " (after prefixes were taken off their names)" : ""));
  }

  // Everything else at the top level: other state dicts, training state, metrics.
  void look_beside() {
    std::vector<std::string> models, rest;
    const auto look = [&](const PickleValue& entries) {
      for (std::size_t i = 0; i < entries.size(); ++i) {
        const PickleValue key = entries.key(i), value = entries.value(i);
        if (!key.is(PickleKind::text) || value.id() == chosen_.value.id()) continue;
        const std::string name = name_of(key);
        // The way to a chosen entry further down is not beside it.
        if (chosen_.key.starts_with(name + ".")) continue;
        if (counts_.in(value) > 0)
          models.push_back(name);
        else
          rest.push_back(name);
        beside(name, value, 0);
      }
    };
    look(root_);
    state_.notes.push_back("the tensors are those of " + where() +
                           (rest.empty() ? "" : "; beside them: " + some_of(rest)));
    if (!models.empty())
      state_.notes.push_back("other tensors are there too, under " + some_of(models) +
                             ": averaged and raw weights must not be mixed (--state-key chooses)");
  }

  void beside(const std::string& name, const PickleValue& value, int depth) {
    constexpr int kDeepest = 3;
    constexpr std::size_t kMost = 1000;
    if (state_.others.size() >= kMost) return;
    const bool plain = value.is(PickleKind::none) || value.is(PickleKind::boolean) ||
                       value.is(PickleKind::integer) || value.is(PickleKind::number) ||
                       value.is(PickleKind::text);
    const bool other_model = counts_.in(value) > 0;
    if (depth == 0 && !plain) state_.dropped.push_back({name, counts_.describe(value)});
    if (!other_model || is_torch_tensor(value)) state_.others.push_back({name, value});
    if (other_model && depth == 0) return;
    if (depth == kDeepest) return;
    const auto attributes = value.state();
    const PickleValue entries =
        attributes && attributes->is(PickleKind::dict) ? *attributes : value;
    const bool mapping = entries.is(PickleKind::dict) || entries.is(PickleKind::record);
    if (!mapping || value.known() == Known::torch_value) return;
    for (std::size_t i = 0; i < std::min(entries.size(), kMost); ++i)
      if (entries.key(i).is(PickleKind::text))
        beside(name + "." + name_of(entries.key(i)), entries.value(i), depth + 1);
  }

  const PickleValue root_;
  const OpenOptions& options_;
  const fs::path& origin_;
  const Chosen chosen_;
  NameBudget budget_;
  TensorCounts counts_;
  TorchState state_;
  bool stripped_ = false;
};

}  // namespace

TorchState choose_state(const PickleValue& root, const OpenOptions& options,
                        const fs::path& origin) {
  return StateReader(root, options, origin).read();
}

}  // namespace stockpot
