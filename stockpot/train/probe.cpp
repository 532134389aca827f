#include "stockpot/train/probe.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/bincount.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/model/blocks.h"
#include "stockpot/train/feature_statistics.h"
#include "stockpot/train/probe_path.h"

namespace stockpot {
namespace {

void check_set(const std::string& name, const at::Tensor& features, const at::Tensor& labels,
               std::int64_t columns, std::int64_t lowest, std::int64_t classes) {
  if (features.dim() != 2 || labels.dim() != 1 || features.size(0) != labels.size(0) ||
      features.size(0) == 0)
    throw UsageError("the " + name +
                     " set needs a row of features for every label, and at least "
                     "one: found " +
                     std::to_string(features.size(0)) + " rows and " +
                     std::to_string(labels.numel()) + " labels");
  if (features.size(1) != columns)
    throw UsageError("the " + name + " set has " + std::to_string(features.size(1)) +
                     " features a row, the training set " + std::to_string(columns));
  if (labels.min().item<std::int64_t>() < lowest || labels.max().item<std::int64_t>() >= classes)
    throw UsageError("a label of the " + name + " set is outside of " + std::to_string(lowest) +
                     ".." + std::to_string(classes - 1));
}

void check_path(const std::vector<double>& path) {
  if (path.empty()) throw UsageError("the probe needs at least one penalty C");
  for (std::size_t i = 0; i < path.size(); ++i) {
    const std::string which = "penalty number " + std::to_string(i + 1) +
                              " of the probe, C = " + significant(path[i], 6) + ", ";
    if (!std::isfinite(path[i]) || path[i] <= 0)
      throw UsageError(which + "is not a positive number");
    if (i > 0 && path[i] == path[i - 1]) throw UsageError(which + "is there twice");
    if (i > 0 && path[i] < path[i - 1])
      throw UsageError(which + "is smaller than the one before it (" + significant(path[i - 1], 6) +
                       "): list the penalties in increasing order");
  }
}

Normalisation make_normalisation(const FeatureStatistics& statistics, ProbeScaling scaling) {
  Normalisation normalisation;
  // The mean of each column, though the reference takes the mean of the matrix away: the free
  // intercept makes up for the difference, and centred columns are easier to solve for.
  normalisation.mean = statistics.mean;
  for (const double variance : statistics.variance) {
    const double used = scaling == ProbeScaling::global ? statistics.global_variance : variance;
    normalisation.scale.push_back(used > 0 ? 1 / std::sqrt(used) : 1);
  }
  return normalisation;
}

// The classes that have training rows, numbered among themselves.
struct PresentClasses {
  explicit PresentClasses(const at::Tensor& labels, std::int64_t classes)
      : position(static_cast<std::size_t>(classes), -1) {
    const at::Tensor counts = at::bincount(labels, {}, classes);
    for (std::int64_t j = 0; j < classes; ++j) {
      const auto count = counts.data_ptr<std::int64_t>()[j];
      if (count == 0) continue;
      position[static_cast<std::size_t>(j)] = static_cast<std::int64_t>(names.size());
      names.push_back(j);
      shares.push_back(static_cast<double>(count) / static_cast<double>(labels.size(0)));
    }
  }

  std::int64_t count() const { return static_cast<std::int64_t>(names.size()); }

  // -1 for classes without training rows.
  at::Tensor translate(const at::Tensor& labels) const {
    at::Tensor result = labels.clone();
    auto* label = result.data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < result.size(0); ++i)
      if (label[i] >= 0) label[i] = position[static_cast<std::size_t>(label[i])];
    return result;
  }

  std::vector<std::int64_t> position, names;
  std::vector<double> shares;
};

// Back to raw features: W' = W scale, b' = b - W' mean; zero rows for absent classes. The rows of
// W and b sum to zero over the classes, so that an absent class never has the largest logit.
void fold_back(const Coefficients& coefficients, const Normalisation& normalisation,
               const PresentClasses& present, ProbeResult& result) {
  const auto classes = static_cast<std::int64_t>(present.position.size());
  const auto d = static_cast<std::int64_t>(normalisation.mean.size());
  result.weight = at::zeros({classes, d}, at::kFloat);
  result.bias = at::zeros({classes}, at::kFloat);
  for (std::int64_t k = 0; k < present.count(); ++k) {
    const std::int64_t row = present.names[static_cast<std::size_t>(k)];
    double bias = coefficients[static_cast<std::size_t>(present.count() * d + k)];
    for (std::int64_t j = 0; j < d; ++j) {
      const auto column = static_cast<std::size_t>(j);
      const double weight =
          coefficients[static_cast<std::size_t>(k * d + j)] * normalisation.scale[column];
      result.weight.data_ptr<float>()[row * d + j] = static_cast<float>(weight);
      bias -= weight * normalisation.mean[column];
    }
    result.bias.data_ptr<float>()[row] = static_cast<float>(bias);
  }
}

// One accuracy a solution, of a set that the probe did not see.
struct Evaluated {
  Evaluated(const at::Tensor& features, const at::Tensor& labels,
            const Normalisation& normalisation, const PresentClasses& present)
      : rows(make_feature_rows(features, normalisation, present.translate(labels), present.count(),
                               Precision::float32)) {}

  std::vector<Accuracy> accuracies(std::span<const PathSolution> solutions) {
    std::vector<const Coefficients*> classifiers;
    for (const PathSolution& solution : solutions) classifiers.push_back(solution.coefficients);
    std::vector<Accuracy> result;
    for (const std::int64_t correct : rows->count_correct(classifiers))
      result.push_back({correct, rows->rows()});
    return result;
  }

  std::unique_ptr<FeatureRows> rows;
};

// While it lives, operators run on one thread if the problem is small and the machine busy: each
// short loop would wait for a second thread to be given a core (0.7 against 14 s for a path of
// 100 penalties on 767 x 1024 features while other programs kept both cores busy). The results
// do not depend on the number of threads.
class FewThreads {
 public:
  explicit FewThreads(std::int64_t elements) : before_(at::get_num_threads()) {
    if (elements < (1 << 21) && before_ > 1 && waiting_time() > 2e-4) at::set_num_threads(1);
  }
  ~FewThreads() { at::set_num_threads(before_); }
  FewThreads(const FewThreads&) = delete;

 private:
  // Median seconds of a loop with nothing in it.
  double waiting_time() const {
    std::array<double, 15> seconds;
    for (double& one : seconds) {
      const auto start = std::chrono::steady_clock::now();
      for_blocks(before_, [](std::int64_t) {});
      one = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    std::nth_element(seconds.begin(), seconds.begin() + 7, seconds.end());
    return seconds[7];
  }

  int before_;
};

std::string counted(std::int64_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

void add_warnings(const PresentClasses& present, const at::Tensor& held_out_labels,
                  const FeatureStatistics& statistics, ProbeResult& result) {
  const auto classes = static_cast<std::int64_t>(present.position.size());
  if (result.at_grid_edge)
    result.warnings.push_back("the chosen C = " + significant(result.path[result.chosen].c, 3) +
                              " lies at the " + (result.chosen == 0 ? "lower" : "upper") +
                              " edge of the grid: a wider one may do better");
  if (present.count() < classes)
    result.warnings.push_back(counted(classes - present.count(), "class has", "classes have") +
                              " no training rows: the probe never predicts " +
                              (classes - present.count() == 1 ? "it" : "them"));
  const std::int64_t tested =
      at::bincount(held_out_labels, {}, classes).gt(0).sum().item<std::int64_t>();
  if (tested < classes)
    result.warnings.push_back(counted(classes - tested, "class has", "classes have") +
                              " no held-out rows, and no say in the choice of C");
  const auto constant = static_cast<std::int64_t>(
      std::count(statistics.variance.begin(), statistics.variance.end(), 0.0));
  if (constant > 0)
    result.warnings.push_back(counted(constant, "feature is", "features are") +
                              " the same in every training row");
  const auto open = static_cast<std::int64_t>(
      std::count_if(result.path.begin(), result.path.end(),
                    [](const ProbePoint& point) { return !point.converged; }));
  if (open > 0)
    result.warnings.push_back(
        std::to_string(open) + " of " + std::to_string(result.path.size()) +
        " penalties stopped before the objective was within the tolerance of its minimum");
}

}  // namespace

std::vector<double> logspace(double low, double high, int count) {
  std::vector<double> values;
  for (int i = 0; i < count; ++i)
    values.push_back(std::pow(10.0, count == 1       ? low
                                    : i == count - 1 ? high
                                                     : low + i * ((high - low) / (count - 1))));
  return values;
}

ProbeResult fit_probe(const at::Tensor& train_features, const at::Tensor& train_labels,
                      const at::Tensor& held_out_features, const at::Tensor& held_out_labels,
                      std::int64_t classes, const ProbeOptions& options,
                      const std::function<void(const ProbePoint&)>& on_point) {
  check_path(options.c);
  const std::int64_t columns = train_features.dim() == 2 ? train_features.size(1) : 0;
  const at::Tensor train = train_labels.cpu().contiguous();
  const at::Tensor held_out = held_out_labels.cpu().contiguous();
  check_set("training", train_features, train, columns, 0, classes);
  check_set("held-out", held_out_features, held_out, columns, 0, classes);
  const PresentClasses present(train, classes);
  if (present.count() < 2)
    throw UsageError("the training set has rows of one class only; a probe needs two");

  const FewThreads few(train_features.numel());
  const FeatureStatistics statistics = feature_statistics("training", train_features);
  feature_statistics("held-out", held_out_features);  // all finite
  const Normalisation normalisation = make_normalisation(statistics, options.scaling);
  Evaluated held_out_set(held_out_features, held_out, normalisation, present);
  std::vector<Evaluated> test_sets;
  for (const ProbeTestSet& set : options.test_sets) {
    const at::Tensor labels = set.labels.cpu().contiguous();
    const std::string name = "'" + printable(set.name) + "'";
    check_set(name, set.features, labels, columns, -1, classes);
    feature_statistics(name, set.features);
    if (present.translate(labels).max().item<std::int64_t>() < 0)
      throw UsageError("the " + name + " set has no class in common with the training set");
    test_sets.emplace_back(set.features, labels, normalisation, present);
  }

  const at::Tensor positions = present.translate(train);
  const auto make_rows = [&](Precision precision) {
    return make_feature_rows(train_features, normalisation, positions, present.count(), precision);
  };
  PathOptions path;
  path.c = options.c;
  // Two classes: scikit-learn's ||w||^2 / 2 with rows (-w/2, +w/2) is ||W||^2.
  path.ridge = present.count() == 2 ? 2 : 1;
  path.tolerance = options.tolerance;
  path.max_iterations = options.max_iterations;

  ProbeResult result;
  result.path.resize(options.c.size());
  Coefficients chosen;
  const std::unique_ptr<FeatureRows> rows = make_rows(Precision::float32);
  solve_path(
      *rows, [&] { return make_rows(Precision::float64); }, present.shares, path,
      [&](std::span<const PathSolution> solutions) {
        const std::vector<Accuracy> scores = held_out_set.accuracies(solutions);
        std::vector<std::vector<Accuracy>> others;
        for (Evaluated& set : test_sets) others.push_back(set.accuracies(solutions));
        for (std::size_t i = 0; i < solutions.size(); ++i) {
          const PathSolution& solution = solutions[i];
          ProbePoint& point = result.path[solution.index];
          point = {options.c[solution.index],
                   solution.objective,
                   solution.iterations,
                   solution.converged,
                   {solution.correct, rows->rows()},
                   scores[i],
                   solution.gap / solution.objective,
                   {}};
          for (const auto& set : others) point.test_sets.push_back(set[i]);
          if (on_point) on_point(point);
          // Ties go to the stronger penalty, in whatever order they come.
          const std::int64_t best = result.path[result.chosen].held_out.correct;
          if (chosen.empty() || point.held_out.correct > best ||
              (point.held_out.correct == best && solution.index < result.chosen)) {
            result.chosen = solution.index;
            chosen = *solution.coefficients;
          }
        }
      });
  result.at_grid_edge =
      options.c.size() > 1 && (result.chosen == 0 || result.chosen + 1 == options.c.size());
  fold_back(chosen, normalisation, present, result);
  add_warnings(present, held_out, statistics, result);
  return result;
}

}  // namespace stockpot
