// Names, shapes, dtypes, buffers.
#include <algorithm>
#include <set>

#include "stockpot/base/text.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/checkpoint/tensor_role.h"
#include "stockpot/compare/doctor_checks.h"

namespace stockpot {
namespace {

// Names and shapes, without types.
std::string signature(const Checkpoint& model) {
  std::string text;
  for (const TensorView& tensor : model.tensors())
    text += std::to_string(tensor.name.size()) + ":" + tensor.name + to_string(tensor.shape);
  return text;
}

// The model whose names and shapes most models have; the first of them.
std::size_t most_typical(const std::vector<Checkpoint>& models) {
  std::map<std::string, std::pair<std::int64_t, std::size_t>> count;  // and the first model
  std::size_t best = 0;
  std::int64_t most = 0;
  std::vector<std::string> signatures;
  for (std::size_t i = 0; i < models.size(); ++i) {
    signatures.push_back(signature(models[i]));
    ++count.try_emplace(signatures.back(), 0, i).first->second.first;
  }
  for (const std::string& text : signatures)
    if (count[text].first > most) std::tie(most, best) = count[text];
  return best;
}

struct Mismatch {
  std::vector<std::string> missing, extra, shapes;
  double matched = 0;  // share of the typical model's elements
};

Mismatch mismatch(const Checkpoint& typical, const Checkpoint& model) {
  Mismatch result;
  double all = 0, same = 0;
  for (const TensorView& tensor : typical.tensors()) {
    const auto elements = static_cast<double>(element_count(tensor.shape));
    all += elements;
    const TensorView* other = model.find(tensor.name);
    if (other == nullptr)
      result.missing.push_back(tensor.name);
    else if (other->shape != tensor.shape)
      result.shapes.push_back(tensor.name);
    else
      same += elements;
  }
  for (const TensorView& tensor : model.tensors())
    if (typical.find(tensor.name) == nullptr) result.extra.push_back(tensor.name);
  result.matched = all > 0 ? same / all : 1;
  return result;
}

// Tensors whose shapes differ in their first size only: rows for other classes.
bool differ_in_rows(const TensorView& a, const TensorView& b) {
  return !a.shape.empty() && a.shape.size() == b.shape.size() &&
         std::equal(a.shape.begin() + 1, a.shape.end(), b.shape.begin() + 1);
}

void report_heads(DoctorState& state, std::size_t typical, std::size_t model,
                  const std::vector<std::string>& heads) {
  const TensorView& here = *state.tensor(model, heads.front());
  const TensorView& there = *state.tensor(typical, heads.front());
  state.add(
      Severity::failure, "heads",
      "the heads differ: " + in_quotes(heads.front()) + " is " + to_string(here.shape) + " in " +
          state.names[model] + " and " + to_string(there.shape) + " in " + state.names[typical] +
          (heads.size() > 1 ? " (also " + some_of({heads.begin() + 1, heads.end()}) + ")" : ""),
      "average models of the same classes, or the backbone only "
      "(--group 'REGEX=skip' for the head) and train a new head on it",
      {model, typical}, heads);
}

void report_shapes(DoctorState& state, std::size_t typical, std::size_t model,
                   const std::vector<std::string>& names) {
  std::vector<std::string> heads, others;
  for (const std::string& name : names) {
    const TensorView &here = *state.tensor(model, name), &there = *state.tensor(typical, name);
    // Names say what a head is; so do the only tensors with another number of rows.
    const bool few = names.size() <= 2 && differ_in_rows(here, there);
    (is_head(name) || few ? heads : others).push_back(name);
  }
  if (!heads.empty()) report_heads(state, typical, model, heads);
  if (others.empty()) return;
  state.add(Severity::failure, "shapes",
            std::to_string(others.size()) + " tensors of " + state.names[model] +
                " have other shapes than in " + state.names[typical] + ": " + some_of(others) +
                " (the first is " + to_string(state.tensor(model, others.front())->shape) + ", " +
                to_string(state.tensor(typical, others.front())->shape) + " in the other)",
            "leave the model out, or bring it to the same configuration", {model, typical}, others);
}

void report_names(DoctorState& state, std::size_t typical, std::size_t model,
                  const Mismatch& found) {
  const auto report = [&](const std::vector<std::string>& names, const std::string& what) {
    if (names.empty()) return;
    const bool counters = std::ranges::all_of(names, is_batch_counter);
    state.add(counters ? Severity::warning : Severity::failure, "names",
              std::to_string(names.size()) + " tensors " + what + ": " + some_of(names),
              counters ? ""
                       : "leave the model out, or average what all have "
                         "(--group 'REGEX=skip' for the rest)",
              {model, typical}, names);
  };
  report(found.missing, "of " + state.names[typical] + " are missing in " + state.names[model]);
  report(found.extra, "of " + state.names[model] + " are not in " + state.names[typical]);
}

void find_common(DoctorState& state) {
  for (const TensorView& tensor : state.models[state.comparable.front()].tensors()) {
    const bool everywhere = std::ranges::all_of(state.comparable, [&](std::size_t model) {
      const TensorView* other = state.tensor(model, tensor.name);
      return other != nullptr && other->shape == tensor.shape;
    });
    if (everywhere) state.common.push_back(tensor.name);
  }
}

void check_types(DoctorState& state) {
  std::vector<std::string> mixed, unknown;
  std::set<std::string> types;
  for (const std::string& name : state.common) {
    const Dtype first = state.tensor(state.comparable.front(), name)->dtype;
    bool same = true;
    for (const std::size_t model : state.comparable) {
      const Dtype dtype = state.tensor(model, name)->dtype;
      same = same && dtype == first;
      types.emplace(row(dtype).safetensors);
      if (row(dtype).floating && !can_be_averaged(dtype) &&
          (unknown.empty() || unknown.back() != name))
        unknown.push_back(name);
    }
    if (!same) mixed.push_back(name);
  }
  if (!mixed.empty())
    state.add(Severity::warning, "dtypes",
              std::to_string(mixed.size()) + " tensors have different types in different models (" +
                  join(std::vector<std::string>(types.begin(), types.end()), ", ") +
                  "): " + some_of(mixed),
              "convert all to one type first, the one of the most precise", {}, mixed);
  if (!unknown.empty())
    state.add(Severity::failure, "dtypes",
              std::to_string(unknown.size()) +
                  " tensors have a type that cannot be averaged: " + some_of(unknown),
              "convert them to F32, BF16 or F16 first", {}, unknown);
}

}  // namespace

void check_structure(DoctorState& state) {
  const std::size_t typical = most_typical(state.models);
  for (std::size_t i = 0; i < state.models.size(); ++i) {
    const Mismatch found = mismatch(state.models[typical], state.models[i]);
    if (found.matched < 0.5) {
      state.add(Severity::failure, "architecture",
                state.names[i] + " is another architecture: only " + fixed(100 * found.matched, 0) +
                    "%" + " of the numbers in " + state.names[typical] +
                    " have a tensor of the same name and shape there",
                "leave it out", {i, typical});
      continue;
    }
    state.comparable.push_back(i);
    report_names(state, typical, i, found);
    if (!found.shapes.empty()) report_shapes(state, typical, i, found.shapes);
  }
  find_common(state);
  check_types(state);
}

void check_state_keys(DoctorState& state) {
  const auto is_average = [&](std::size_t model) {
    const std::string& key = state.models[model].state_key();
    return key.find("ema") != std::string::npos;
  };
  const auto first = std::ranges::find_if(state.comparable, is_average);
  const auto raw = std::ranges::find_if_not(state.comparable, is_average);
  if (first == state.comparable.end() || raw == state.comparable.end()) return;
  const std::string& key = state.models[*raw].state_key();
  state.add(Severity::warning, "state_keys",
            "averaged and raw weights are mixed: " + in_quotes(state.models[*first].state_key()) +
                " was read from " + state.names[*first] + ", " +
                (key.empty() ? "the top level" : in_quotes(key)) + " from " + state.names[*raw],
            "choose one kind for all with --state-key", {*first, *raw});
}

void check_buffers(DoctorState& state) {
  std::vector<std::string> counters, others;
  bool statistics = false;
  for (const std::string& name : state.common) {
    statistics = statistics || is_running_variance(name);
    const TensorView& first = *state.tensor(state.comparable.front(), name);
    if (row(first.dtype).floating) continue;
    const bool same = std::ranges::all_of(state.comparable, [&](std::size_t model) {
      return std::ranges::equal(state.tensor(model, name)->bytes, first.bytes);
    });
    if (!same) (is_batch_counter(name) ? counters : others).push_back(name);
  }
  if (!others.empty())
    state.add(Severity::failure, "integers",
              std::to_string(others.size()) +
                  " tensors of whole numbers differ, which are never averaged: " + some_of(others),
              "find out which is right and take it for all (--group 'REGEX=take-first')", {},
              others);
  if (!counters.empty())
    state.add(Severity::note, "integers",
              std::to_string(counters.size()) +
                  " counters of batches differ; an average takes the largest",
              "", {}, counters);
  if (statistics)
    state.add(Severity::note, "batchnorm",
              "the models have BatchNorm statistics, which do not fit averaged weights exactly",
              "choose how they are combined with --bn, and re-estimate them on data if you can");
}

}  // namespace stockpot
