#include "stockpot/train/probe.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bincount.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/train/softmax_regression.h"

namespace stockpot {
namespace {

void check_set(const std::string& name, const at::Tensor& features, const at::Tensor& labels,
               std::int64_t classes) {
  if (features.dim() != 2 || labels.dim() != 1 || features.size(0) != labels.size(0) ||
      features.size(0) == 0)
    throw UsageError("the " + name +
                     " set needs a row of features for every label, and at least "
                     "one: found " +
                     std::to_string(features.size(0)) + " rows and " +
                     std::to_string(labels.numel()) + " labels");
  if (labels.min().item<std::int64_t>() < 0 || labels.max().item<std::int64_t>() >= classes)
    throw UsageError("a label of the " + name + " set is outside of 0.." +
                     std::to_string(classes - 1));
  if (!features.isfinite().all().item<bool>())
    throw RunError("a feature of the " + name + " set is not finite");
}

// Orthonormal columns along the principal axes of the rows of centred (n x d): d x min(n, d).
at::Tensor principal_axes(const at::Tensor& centred) {
  if (centred.size(0) >= centred.size(1))
    return std::get<1>(at::linalg_eigh(at::matmul(centred.t(), centred)));
  // Fewer rows than dimensions: inside their span only.
  const auto [q, r] = at::linalg_qr(centred.t());
  return at::matmul(q, std::get<1>(at::linalg_eigh(at::matmul(r, r.t()))));
}

at::Tensor with_ones(const at::Tensor& matrix) {
  return at::cat({matrix, at::ones({matrix.size(0), 1}, matrix.options())}, 1);
}

// Raw features to the coordinates of the solver: global mean and standard deviation out (the
// reference's normalisation, which sets the scale of the penalty), then the column means (which
// the free intercept makes up for), then a rotation (which leaves ||W|| as it is).
struct Coordinates {
  double mean = 0, deviation = 1;
  at::Tensor centre;  // d
  at::Tensor axes;    // d x r

  explicit Coordinates(const at::Tensor& features) {
    mean = features.mean().item<double>();
    const double variance = features.sub(mean).square_().mean().item<double>();
    if (variance > 0) deviation = std::sqrt(variance);
    const at::Tensor normalised = normalise(features);
    centre = normalised.mean(0);
    axes = principal_axes(normalised.sub_(centre));
  }
  at::Tensor normalise(const at::Tensor& features) const {
    return features.sub(mean).div_(deviation);
  }
  at::Tensor transform(const at::Tensor& features) const {
    return with_ones(at::matmul(normalise(features).sub_(centre), axes));
  }
};

// Where the path leads: polynomials in log C through up to four solved points, and the best of
// them by the objective. On a path of 100 values most points then need few iterations.
class Path {
 public:
  explicit Path(at::Tensor start) : start_(std::move(start)) {}

  at::Tensor predict(const SoftmaxProblem& problem, double c) const {
    at::Tensor best = start_;
    double lowest = 0;
    for (std::size_t count = 1; count <= points_.size(); ++count) {
      at::Tensor coefficients = at::zeros_like(start_), scores = at::zeros_like(points_[0].scores);
      for (std::size_t i = 0; i < count; ++i) {
        const double weight = lagrange(i, count, std::log(c));
        coefficients.add_(points_[i].coefficients, weight);
        scores.add_(points_[i].scores, weight);
      }
      const double objective = softmax_objective(problem, c, coefficients, scores);
      if (count == 1 || objective < lowest) {
        lowest = objective;
        best = coefficients;
      }
    }
    return best;
  }

  void add(double c, const SoftmaxSolution& solution) {
    points_.push_front({std::log(c), solution.coefficients, solution.scores});
    if (points_.size() > 4) points_.pop_back();
  }

 private:
  struct Point {
    double log_c = 0;
    at::Tensor coefficients, scores;
  };

  // Weight of the i-th newest point in the polynomial through the `count` newest ones.
  double lagrange(std::size_t i, std::size_t count, double x) const {
    double weight = 1;
    for (std::size_t j = 0; j < count; ++j)
      if (j != i) weight *= (x - points_[j].log_c) / (points_[i].log_c - points_[j].log_c);
    return weight;
  }

  at::Tensor start_;
  std::deque<Point> points_;
};

Accuracy count_correct(const at::Tensor& scores, const at::Tensor& present,
                       const at::Tensor& labels) {
  const at::Tensor predicted = present.index_select(0, scores.argmax(1));
  return {predicted.eq(labels).sum().item<std::int64_t>(), labels.size(0)};
}

// Back to raw features: W' = W / std, b' = b - (mean / std) W 1; zero rows for absent classes.
// The rows of W and b sum to zero over the classes, so that an absent class never has the
// largest logit.
void fold_back(const at::Tensor& coefficients, const Coordinates& coordinates,
               const at::Tensor& present, std::int64_t classes, ProbeResult& result) {
  const std::int64_t r = coefficients.size(0) - 1;
  const at::Tensor w = at::matmul(coordinates.axes, coefficients.slice(0, 0, r)).t();
  const at::Tensor shift =
      at::matmul(w, coordinates.centre + coordinates.mean / coordinates.deviation);
  const at::Tensor weight = at::zeros({classes, w.size(1)}, w.options());
  const at::Tensor bias = at::zeros({classes}, w.options());
  weight.index_copy_(0, present, w / coordinates.deviation);
  bias.index_copy_(0, present, coefficients.select(0, r) - shift);
  result.weight = weight.to(at::kFloat);
  result.bias = bias.to(at::kFloat);
}

// While it lives, operators on small problems stay on one thread: they are so short that waking
// a second one costs more than it brings (0.6 against 13 s for a path of 100 penalties on
// 2000 x 256 features while other programs kept both cores busy).
class FewThreads {
 public:
  explicit FewThreads(std::int64_t elements) : before_(at::get_num_threads()) {
    if (elements < (1 << 21)) at::set_num_threads(1);
  }
  ~FewThreads() { at::set_num_threads(before_); }
  FewThreads(const FewThreads&) = delete;

 private:
  int before_;
};

void check_path(const std::vector<double>& path) {
  if (path.empty()) throw UsageError("the probe needs at least one penalty C");
  for (std::size_t i = 0; i < path.size(); ++i)
    if (!std::isfinite(path[i]) || path[i] <= 0 || (i > 0 && path[i] <= path[i - 1]))
      throw UsageError("the probe's penalties C must be positive and increasing");
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
  check_set("training", train_features, train_labels, classes);
  check_set("held-out", held_out_features, held_out_labels, classes);

  const FewThreads few(train_features.numel());
  // A class without training rows would send its free intercept to minus infinity.
  const at::Tensor present = at::bincount(train_labels, {}, classes).nonzero().flatten();
  const std::int64_t k = present.size(0);
  if (k < 2) throw UsageError("the training set has rows of one class only; a probe needs two");
  const at::Tensor position = at::zeros({classes}, present.options());
  position.index_copy_(0, present, at::arange(k, present.options()));

  const at::Tensor features = train_features.to(at::kCPU, at::kDouble);
  const Coordinates coordinates(features);
  const at::Tensor held_out = coordinates.transform(held_out_features.to(at::kCPU, at::kDouble));
  SoftmaxProblem problem;
  problem.inputs = coordinates.transform(features);
  problem.labels = position.index_select(0, train_labels).unsqueeze(1);
  problem.squared_norms = problem.inputs.square().sum(0).unsqueeze(1);
  // Two classes: scikit-learn's ||w||^2 / 2 with rows (-w/2, +w/2) is ||W||^2.
  problem.ridge = k == 2 ? 2 : 1;

  ProbeResult result;
  at::Tensor chosen;
  Path path(at::zeros({problem.inputs.size(1), k}, problem.inputs.options()));
  for (const double c : options.c) {
    if (stop_requested()) throw Interrupted("stopped while fitting the linear probe");
    const SoftmaxSolution solution = minimise_softmax(problem, c, path.predict(problem, c),
                                                      options.max_iterations, options.tolerance);
    path.add(c, solution);
    const at::Tensor scores = at::matmul(held_out, solution.coefficients);
    result.path.push_back({c, solution.objective, solution.iterations, solution.converged,
                           count_correct(solution.scores, present, train_labels),
                           count_correct(scores, present, held_out_labels)});
    if (on_point) on_point(result.path.back());
    // Strictly better only: ties keep the stronger penalty.
    if (result.path.size() == 1 ||
        result.path.back().held_out.correct > result.path[result.chosen].held_out.correct) {
      result.chosen = result.path.size() - 1;
      chosen = solution.coefficients;
    }
  }
  result.at_grid_edge =
      options.c.size() > 1 && (result.chosen == 0 || result.chosen + 1 == options.c.size());
  fold_back(chosen, coordinates, present, classes, result);
  return result;
}

}  // namespace stockpot
