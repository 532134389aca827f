// What the distances and cosines say: origin, heads, outliers, duplicates.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "stockpot/base/text.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/compare/doctor_checks.h"

namespace stockpot {
namespace {

// Heads are unrelated below this while the other matrices agree: training pulls two random heads
// a little in one direction. Measured after 300 steps: 0.08 (ResNet) and 0.03 (ViT).
constexpr double kUnrelatedHead = 0.2;

std::string cosine_text(double value) {
  if (std::isnan(value)) return "unknown";
  return fixed(std::fabs(value) < 0.005 ? 0 : value, value > 0.99 ? 4 : 2);
}

// Models joined by pairs: the group of each, by the least index in it.
class Groups {
 public:
  explicit Groups(std::size_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  }
  std::size_t find(std::size_t i) const {
    while (parent_[i] != i) i = parent_[i];
    return i;
  }
  void join(std::size_t i, std::size_t j) {
    const std::size_t a = find(i), b = find(j);
    parent_[std::max(a, b)] = std::min(a, b);
  }
  std::map<std::size_t, std::vector<std::size_t>> members(
      const std::vector<std::size_t>& indices) const {
    std::map<std::size_t, std::vector<std::size_t>> groups;
    for (const std::size_t i : indices) groups[find(i)].push_back(i);
    return groups;
  }

 private:
  std::vector<std::size_t> parent_;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

void check_base(DoctorState& state) {
  for (const std::size_t i : state.comparable) {
    const DoctorModel& model = state.report.models[i];
    if (std::isnan(model.base_cosine)) {
      state.add(Severity::failure, "base",
                "the base has no weight matrix of the name and shape of one in " + model.name,
                "give the checkpoint that fine-tuning began with", {i});
    } else if (model.base_cosine < kUnrelatedCosine) {
      state.add(Severity::failure, "base",
                model.name +
                    " was not fine-tuned from the base: the cosine of their weight "
                    "matrices is " +
                    cosine_text(model.base_cosine) + " (fine-tuning leaves it near 1)",
                "leave it out, or name the base it comes from", {i});
    } else if (model.base_cosine < kFarCosine) {
      state.add(Severity::warning, "base",
                model.name + " is far from the base: the cosine of their weight matrices is " +
                    cosine_text(model.base_cosine),
                "check it by an evaluation; a smaller learning rate stays closer", {i});
    } else if (model.distance == 0) {
      state.add(Severity::warning, "base", model.name + " is the base itself",
                "it pulls an average back to the base", {i});
    }
  }
}

void report_unrelated(DoctorState& state, const Groups& groups) {
  const auto parts = groups.members(state.comparable);
  if (parts.size() < 2) return;
  double highest = -1, least = HUGE_VAL;
  for (const DoctorPair& pair : state.report.pairs) {
    if (groups.find(pair.i) == groups.find(pair.j)) continue;
    highest = std::max(highest, pair.cosine);
    least = std::min(least, pair.distance);
  }
  std::string text = "no shared initialisation: ";
  if (parts.size() == state.comparable.size()) {
    text += "no two models come from the same weights";
  } else {
    std::size_t count = 0;
    for (const auto& [first, members] : parts)
      text += (count++ == 0 ? "" : " | ") + state.names_of(members);
    text += " come from different weights";
  }
  text += " (cosine of their weight matrices at most " + cosine_text(highest) +
          ", relative distance at least " + significant(least, 2) +
          "; fine-tunings of one model have a cosine near 1)";
  state.add(Severity::failure, "origin", text,
            parts.size() == state.comparable.size()
                ? "fine-tune all from one checkpoint; the mean of separate runs is no model"
                : "average within a group, or fine-tune all from one checkpoint",
            state.comparable);
}

struct Unrelated {
  double cosine = 1;
  std::size_t i = 0, j = 0;  // the models
};

// The pair that agrees least in this tensor, among those whose models agree as a whole.
Unrelated least_related(const DoctorState& state, const DoctorState::Relation& relation) {
  Unrelated least;
  for (std::size_t i = 0, pair = 0; i < state.comparable.size(); ++i) {
    for (std::size_t j = i + 1; j < state.comparable.size(); ++j, ++pair) {
      if (!(state.report.pairs[pair].cosine >= kFarCosine)) continue;
      const TensorGram& gram = relation.gram;
      const double cosine = cosine_of(gram.product(i, i), gram.product(j, j), gram.product(i, j));
      if (cosine < least.cosine) least = {cosine, state.comparable[i], state.comparable[j]};
    }
  }
  return least;
}

}  // namespace

void check_origin(DoctorState& state) {
  if (state.base != nullptr) check_base(state);
  Groups related(state.models.size());
  const DoctorPair* farthest = nullptr;
  bool unknown = false;
  for (const DoctorPair& pair : state.report.pairs) {
    if (std::isnan(pair.cosine)) unknown = true;
    // What cannot be told is no ground for a refusal.
    if (!(pair.cosine < kUnrelatedCosine)) related.join(pair.i, pair.j);
    if (pair.cosine < kFarCosine && pair.cosine >= kUnrelatedCosine &&
        (farthest == nullptr || pair.cosine < farthest->cosine))
      farthest = &pair;
  }
  if (unknown)
    state.add(Severity::note, "origin",
              "there is no weight matrix large enough to tell whether the models share their "
              "initialisation",
              "");
  report_unrelated(state, related);
  if (farthest != nullptr)
    state.add(Severity::warning, "origin",
              state.names[farthest->i] + " and " + state.names[farthest->j] +
                  " lie far apart: the cosine of their weight matrices is " +
                  cosine_text(farthest->cosine) + ", their relative distance " +
                  significant(farthest->distance, 2),
              "evaluate the average before you trust it", {farthest->i, farthest->j});
}

void check_heads(DoctorState& state) {
  std::vector<std::string> heads, layers;
  Unrelated head, layer;
  for (const DoctorState::Relation& relation : state.relations) {
    if (!relation.matrix) continue;
    const Unrelated least = least_related(state, relation);
    if (least.cosine >= (relation.head ? kUnrelatedHead : kUnrelatedCosine)) continue;
    (relation.head ? heads : layers).push_back(relation.name);
    Unrelated& worst = relation.head ? head : layer;
    if (least.cosine < worst.cosine) worst = least;
  }
  const auto report = [&](const char* check, const std::string& what, const Unrelated& worst,
                          std::vector<std::string> names, const char* advice) {
    if (names.empty()) return;
    const std::string text = what + " unrelated: the cosine of " + some_of(names) + " is " +
                             cosine_text(worst.cosine) + " between " + state.names[worst.i] +
                             " and " + state.names[worst.j] + ", while their other weights agree";
    state.add(Severity::failure, check, text, advice, {worst.i, worst.j}, std::move(names));
  };
  report("heads", "the heads are", head, heads,
         "train from one LP head (LP-FT), or average the backbone only (--group 'REGEX=skip' for "
         "the head)");
  report("layers", std::to_string(layers.size()) + " weight matrices are", layer, layers,
         "they began from different random weights: leave them out (--group 'REGEX=skip') or "
         "fine-tune all models from one checkpoint");
}

void check_outliers(DoctorState& state) {
  const std::size_t least = state.base != nullptr ? 3 : 4;
  if (state.comparable.size() < least) return;
  // Without theta_0: the median of the distances to the others, which one far model does not
  // change for the rest.
  std::map<std::size_t, std::vector<double>> to_others;
  std::vector<double> distances;
  for (const DoctorPair& pair : state.report.pairs) {
    const double distance = pair.distance * state.report.models[pair.i].norm;
    to_others[pair.i].push_back(distance);
    to_others[pair.j].push_back(distance);
  }
  for (const std::size_t i : state.comparable)
    distances.push_back(state.base != nullptr ? state.report.models[i].distance
                                              : median(to_others[i]));
  const double middle = median(distances);
  std::vector<double> deviations;
  for (const double distance : distances) deviations.push_back(std::fabs(distance - middle));
  const double spread = median(deviations) / 0.6745;  // a standard deviation for normal values
  for (std::size_t place = 0; place < distances.size(); ++place) {
    if (!(distances[place] > 2 * middle) || !(distances[place] - middle > 3.5 * spread)) continue;
    const std::size_t i = state.comparable[place];
    state.add(Severity::warning, "outlier",
              state.names[i] + " lies far out: its " +
                  (state.base != nullptr ? "task vector has norm " : "distance to the others is ") +
                  significant(distances[place], 3) + ", the median is " + significant(middle, 3),
              "leave it out, or let a greedy soup decide (learning rate too high?)", {i});
  }
}

void check_duplicates(DoctorState& state) {
  Groups same(state.models.size());
  std::map<std::size_t, std::string> hashes;
  const auto hash = [&](std::size_t model) -> const std::string& {
    std::string& text = hashes[model];
    if (text.empty()) text = content_hash(state.models[model]);
    return text;
  };
  std::vector<double> distances;
  for (const DoctorPair& pair : state.report.pairs) {
    distances.push_back(pair.distance);
    if (pair.distance == 0 && hash(pair.i) == hash(pair.j)) same.join(pair.i, pair.j);
  }
  for (const auto& [first, members] : same.members(state.comparable)) {
    if (members.size() < 2) continue;
    state.add(Severity::warning, "duplicates",
              state.names_of(members) + " are the same model (" + hash(first) + "), which counts " +
                  std::to_string(members.size()) + " times in a mean",
              "keep one of them", members);
  }
  const double middle = distances.empty() ? 0 : median(distances);
  for (const DoctorPair& pair : state.report.pairs) {
    if (same.find(pair.i) == same.find(pair.j)) continue;
    // As far as rounding to bf16, or a fiftieth of what is usual here.
    const bool other_type = std::ranges::any_of(state.common, [&](const std::string& name) {
      return state.tensor(pair.i, name)->dtype != state.tensor(pair.j, name)->dtype;
    });
    if (!(pair.distance < (other_type ? 0.004 : 1e-6)) &&
        !(distances.size() >= 3 && pair.distance < 0.02 * middle))
      continue;
    state.add(Severity::warning, "duplicates",
              state.names[pair.i] + " and " + state.names[pair.j] +
                  " are nearly the same: relative distance " + significant(pair.distance, 2) +
                  (other_type ? " (one model in two types?)" : ""),
              "keep one of them unless both are meant to count", {pair.i, pair.j});
  }
}

}  // namespace stockpot
