// How the models lie to each other: read once into Gram matrices.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "stockpot/base/text.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/checkpoint/tensor_role.h"
#include "stockpot/compare/doctor_checks.h"
#include "stockpot/merge/finite.h"

namespace stockpot {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// Fewer elements agree by chance: the cosine of two random vectors of n numbers has a standard
// deviation of 1 / sqrt(n).
constexpr std::int64_t kEnoughElements = 256;

using Relation = DoctorState::Relation;

struct Weighted {
  double value, weight;
};

// The least value with half of the weight at or below it. NaN for none.
double weighted_median(std::vector<Weighted> values) {
  std::ranges::sort(values, {}, &Weighted::value);
  double all = 0, seen = 0;
  for (const Weighted& entry : values) all += entry.weight;
  for (const Weighted& entry : values)
    if ((seen += entry.weight) >= all / 2) return entry.value;
  return kNaN;
}

// The median over the weight matrices, without heads when there is anything else.
template <typename CosineOf>
double matrix_cosine(const std::vector<Relation>& relations, const CosineOf& cosine) {
  std::vector<Weighted> backbone, heads;
  for (const Relation& relation : relations) {
    const double value = relation.matrix ? cosine(relation) : kNaN;
    if (!std::isnan(value))
      (relation.head ? heads : backbone).push_back({value, static_cast<double>(relation.elements)});
  }
  return weighted_median(backbone.empty() ? heads : backbone);
}

double base_cosine(const Relation& relation, std::size_t place) {
  if (!relation.gram.has_base()) return kNaN;
  return cosine_of(relation.gram.base_square(), relation.gram.product(place, place),
                   relation.gram.base_product(place));
}

// With theta_0 only what it has counts: elsewhere there are no task vectors.
bool counts(const DoctorState& state, const Relation& relation) {
  return state.base == nullptr || relation.gram.has_base();
}

// |theta_i - mean of the others| from the pairwise squared distances of `places` models.
double distance_to_others(const std::vector<std::vector<double>>& squared, std::size_t i) {
  const std::size_t m = squared.size();
  double own = 0, all = 0;
  for (std::size_t j = 0; j < m; ++j) own += squared[i][j];
  for (std::size_t a = 0; a < m; ++a)
    for (std::size_t b = 0; b < a; ++b)
      if (a != i && b != i) all += squared[a][b];
  const auto others = static_cast<double>(m - 1);
  // |x - mean|^2 = mean |x - y|^2 - (sum of |y - y'|^2 over pairs) / n^2.
  return std::sqrt(std::max(0.0, own / others - all / (others * others)));
}

void report_not_finite(DoctorState& state, std::size_t model,
                       const std::vector<std::pair<std::string, std::int64_t>>& bad) {
  std::string text;
  std::vector<std::string> tensors;
  for (const auto& [name, count] : bad) {
    if (tensors.size() < 3)
      text += (tensors.empty() ? "" : ", ") + in_quotes(name) + " (" + grouped(count) + ")";
    tensors.push_back(name);
  }
  if (bad.size() > 3) text += " and " + std::to_string(bad.size() - 3) + " more tensors";
  state.add(Severity::failure, "finite", state.names[model] + " holds NaN or Inf: " + text,
            "leave it out: its training diverged", {model}, std::move(tensors));
}

}  // namespace

void read_values_of_all(DoctorState& state, Progress& progress) {
  std::vector<std::vector<std::pair<std::string, std::int64_t>>> bad(state.models.size());
  std::size_t done = 0;
  for (const std::string& name : state.common) {
    progress.status("read " + std::to_string(done++) + " of " +
                    std::to_string(state.common.size()) + " tensors of " +
                    std::to_string(state.comparable.size()) + " models");
    std::vector<const TensorView*> views;
    for (const std::size_t model : state.comparable) views.push_back(state.tensor(model, name));
    const TensorView& first = *views.front();
    const bool floating = std::ranges::all_of(views, [](const TensorView* view) {
      return row(view->dtype).floating && has_numbers(view->dtype);
    });
    if (!floating) continue;
    const TensorView* base = state.base == nullptr ? nullptr : state.base->find(name);
    if (base != nullptr && (base->shape != first.shape || !has_numbers(base->dtype)))
      base = nullptr;
    const std::int64_t elements = element_count(first.shape);
    Relation relation{name, first.shape.size() >= 2 && elements >= kEnoughElements, is_head(name),
                      elements, TensorGram(views, base)};
    for (std::size_t place = 0; place < views.size(); ++place)
      if (const std::int64_t count = relation.gram.not_finite()[place]; count > 0)
        bad[state.comparable[place]].emplace_back(name, count);
    if (!is_running_mean(name) && !is_running_variance(name))
      state.relations.push_back(std::move(relation));
  }
  for (std::size_t model = 0; model < state.models.size(); ++model) {
    for (const TensorView& tensor : state.models[model].tensors()) {
      const bool read = std::ranges::find(state.comparable, model) != state.comparable.end() &&
                        std::ranges::binary_search(state.common, tensor.name);
      if (read) continue;
      if (const std::int64_t count = count_not_finite(tensor); count > 0)
        bad[model].emplace_back(tensor.name, count);
    }
    if (!bad[model].empty()) report_not_finite(state, model, bad[model]);
  }
}

void measure_relations(DoctorState& state) {
  const std::size_t m = state.comparable.size();
  std::vector<std::vector<double>> squared(m, std::vector<double>(m)), task = squared;
  std::vector<double> norm(m);
  for (const Relation& relation : state.relations) {
    if (!counts(state, relation)) continue;
    for (std::size_t i = 0; i < m; ++i) {
      norm[i] += relation.gram.product(i, i);
      for (std::size_t j = 0; j < m; ++j) {
        squared[i][j] += relation.gram.squared_distance(i, j);
        task[i][j] += relation.gram.task_product(i, j);
      }
    }
  }
  const bool has_base = state.base != nullptr;
  for (std::size_t i = 0; i < m; ++i) {
    DoctorModel& model = state.report.models[state.comparable[i]];
    model.comparable = true;
    model.norm = std::sqrt(std::max(0.0, norm[i]));
    model.distance = has_base ? std::sqrt(task[i][i])
                     : m > 1  ? distance_to_others(squared, i)
                              : kNaN;
    model.base_cosine = matrix_cosine(
        state.relations, [&](const Relation& relation) { return base_cosine(relation, i); });
    for (std::size_t j = i + 1; j < m; ++j) {
      const auto cosine = [&](const Relation& relation) {
        return cosine_of(relation.gram.product(i, i), relation.gram.product(j, j),
                         relation.gram.product(i, j));
      };
      state.report.pairs.push_back(
          {state.comparable[i], state.comparable[j], matrix_cosine(state.relations, cosine),
           std::sqrt(squared[i][j]) / model.norm,
           has_base ? cosine_of(task[i][i], task[j][j], task[i][j]) : kNaN});
    }
  }
}

}  // namespace stockpot
