#include "stockpot/train/probe.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/model/blocks.h"
#include "stockpot/model/compat.h"
#include "stockpot/train/feature_statistics.h"
#include "stockpot/train/present_classes.h"
#include "stockpot/train/probe_checks.h"
#include "stockpot/train/probe_path.h"

namespace stockpot {
namespace {

// With few rows, or one far from all others, the estimate of the gap has been up to 140 times too
// small. Problems of so few numbers (features, times classes) take some hundredths of a second, and
// are solved more precisely than they are asked to be.
constexpr std::int64_t kFewNumbers = 1 << 20;
constexpr double kFinerTolerance = 5e-10;

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

// While it lives, loops of this thread run on one thread if the problem is small and the machine
// busy: each short loop would wait for a second thread to be given a core (0.7 against 14 s for a
// path of 100 penalties on 767 x 1024 features while other programs kept both cores busy). The
// results do not depend on the number of threads.
class FewThreads {
 public:
  explicit FewThreads(std::int64_t elements) : before_(at::get_num_threads()) {
    if (elements < (1 << 21) && before_ > 1 && waiting_time() > 5e-5) at::set_num_threads(1);
  }
  ~FewThreads() { at::set_num_threads(before_); }
  FewThreads(const FewThreads&) = delete;

 private:
  // Mean seconds of a loop with nothing in it.
  double waiting_time() const {
    constexpr int loops = 20;
    for_blocks(before_, [](std::int64_t) {});  // the first one makes the threads
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < loops; ++i) for_blocks(before_, [](std::int64_t) {});
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    return taken.count() / loops;
  }

  const int before_;
};

// Fills the path as solutions come, and keeps the best one.
class Recorder {
 public:
  Recorder(ProbeResult& result, const ProbeOptions& options, const PresentClasses& present,
           const Normalisation& normalisation)
      : result_(result), options_(options), present_(present), normalisation_(normalisation) {
    result.path.resize(options.c.size());
    if (!options.keep_all) return;
    const auto count = static_cast<std::int64_t>(options.c.size());
    const auto d = static_cast<std::int64_t>(normalisation.mean.size());
    result.heads = {options.c, at::empty({count, present.all(), d}, at::kFloat),
                    at::empty({count, present.all()}, at::kFloat), present.names};
  }

  // held_out: of this solution.
  const ProbePoint& add(const PathSolution& solution, std::int64_t rows, const Accuracy& held_out) {
    ProbePoint& point = result_.path[solution.index];
    point.c = options_.c[solution.index];
    point.objective = solution.objective;
    point.iterations = solution.iterations;
    point.converged = solution.converged;
    point.gap = solution.gap / solution.objective;
    point.train = {solution.correct, rows};
    point.held_out = held_out;
    if (options_.keep_all) {
      const RawClassifier raw = fold_back(*solution.coefficients, normalisation_, present_);
      const auto index = static_cast<std::int64_t>(solution.index);
      result_.heads.weights[index].copy_(raw.weight);
      result_.heads.biases[index].copy_(raw.bias);
    }
    // Ties go to the stronger penalty, in whatever order they come.
    const std::int64_t best = result_.path[result_.chosen].held_out.correct;
    if (chosen_.empty() || point.held_out.correct > best ||
        (point.held_out.correct == best && solution.index < result_.chosen)) {
      result_.chosen = solution.index;
      chosen_ = *solution.coefficients;
    }
    return point;
  }

  const Coefficients& chosen() const { return chosen_; }

 private:
  ProbeResult& result_;
  const ProbeOptions& options_;
  const PresentClasses& present_;
  const Normalisation& normalisation_;
  Coefficients chosen_;
};

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
  check_penalties(options.c);
  const std::int64_t columns = train_features.dim() == 2 ? train_features.size(1) : 0;
  const at::Tensor train = train_labels.cpu().contiguous();
  const at::Tensor held_out = held_out_labels.cpu().contiguous();
  check_set("training", train_features, train, columns, 0, classes);
  check_set("held-out", held_out_features, held_out, columns, 0, classes);
  const PresentClasses present(train, classes);
  if (present.count() < 2)
    throw UsageError("the training set has rows of one class only; a probe needs two");

  const FewThreads few(train_features.numel());
  const OwnStream stream(train_features.device());  // passes are recorded there
  const FeatureStatistics statistics = feature_statistics("training", train_features);
  const Normalisation normalisation = make_normalisation(statistics, options.scaling);
  feature_statistics("held-out", held_out_features);
  const std::unique_ptr<FeatureRows> held_out_rows =
      make_feature_rows(held_out_features, normalisation, present.translate(held_out),
                        present.count(), Precision::float32);

  const at::Tensor positions = present.translate(train);
  const auto make_rows = [&](Precision precision) {
    return make_feature_rows(train_features, normalisation, positions, present.count(), precision);
  };
  PathOptions path;
  path.c = options.c;
  // Two classes: scikit-learn's ||w||^2 / 2 with rows (-w/2, +w/2) is ||W||^2.
  path.ridge = present.count() == 2 ? 2 : 1;
  const bool small = train_features.numel() * present.count() <= kFewNumbers;
  path.tolerance = small ? std::min(options.tolerance, kFinerTolerance) : options.tolerance;
  path.max_iterations = options.max_iterations;

  ProbeResult result;
  Recorder recorder(result, options, present, normalisation);
  const std::unique_ptr<FeatureRows> rows = make_rows(Precision::float32);
  result.evaluations = solve_path(
      *rows, [&] { return make_rows(Precision::float64); }, present.shares, path,
      [&](std::span<const PathSolution> solutions) {
        std::vector<const Coefficients*> classifiers;
        for (const PathSolution& solution : solutions) classifiers.push_back(solution.coefficients);
        const std::vector<std::int64_t> correct = held_out_rows->count_correct(classifiers);
        for (std::size_t i = 0; i < solutions.size(); ++i) {
          const ProbePoint& point =
              recorder.add(solutions[i], rows->rows(), {correct[i], held_out_rows->rows()});
          if (on_point) on_point(point);
        }
      });
  result.at_grid_edge =
      options.c.size() > 1 && (result.chosen == 0 || result.chosen + 1 == options.c.size());
  RawClassifier raw = fold_back(recorder.chosen(), normalisation, present);
  result.weight = raw.weight;
  result.bias = raw.bias;
  result.warnings = warnings_of(result, present, held_out, statistics);
  return result;
}

}  // namespace stockpot
