#include "stockpot/blend/ensemble_problem.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "stockpot/base/threads.h"
#include "stockpot/blend/optimizers.h"

namespace stockpot {
namespace {

constexpr std::int64_t kRows = 256;  // of one partial sum: never changes
constexpr double kSmallGradient = 1e-7;

// What some rows add to the loss and to the gradients of alpha and beta.
struct Part {
  double loss = 0, beta = 0;
  std::vector<double> alpha;
};

class Problem {
 public:
  Problem(std::span<const Predictions> models, const Coefficients& shape)
      : models_(models), coefficients_(shape) {}

  Objective operator()(std::span<const double> parameters) {
    coefficients_.set_parameters({parameters.begin(), parameters.end()});
    const std::vector<double> alpha = coefficients_.alpha();
    const std::int64_t rows = models_.front().rows();
    std::vector<Part> parts(static_cast<std::size_t>((rows + kRows - 1) / kRows));
    parallel_for(rows, kRows, [&](std::int64_t begin, std::int64_t end) {
      Part& part = parts[static_cast<std::size_t>(begin / kRows)];
      part.alpha.resize(models_.size());
      for (std::int64_t row = begin; row < end; ++row) add(row, alpha, part);
    });
    Objective sum;
    std::vector<double> alpha_gradient(models_.size());
    double beta_gradient = 0;
    for (const Part& part : parts) {
      sum.value += part.loss;
      beta_gradient += part.beta;
      for (std::size_t m = 0; m < models_.size(); ++m) alpha_gradient[m] += part.alpha[m];
    }
    const auto n = static_cast<double>(rows);
    for (double& value : alpha_gradient) value /= n;
    sum.value /= n;
    sum.gradient = coefficients_.pull_back(alpha_gradient, beta_gradient / n);
    return sum;
  }

  const Coefficients& coefficients() const { return coefficients_; }

 private:
  // With z = sum_i alpha_i z_i and p = softmax(beta z): dL/dz = beta (p - onehot).
  void add(std::int64_t row, std::span<const double> alpha, Part& part) const {
    const double beta = coefficients_.beta();
    const auto classes = static_cast<std::size_t>(models_.front().classes);
    const auto label =
        static_cast<std::size_t>(models_.front().labels[static_cast<std::size_t>(row)]);
    std::vector<double> z(classes), d(classes);
    for (std::size_t m = 0; m < models_.size(); ++m) {
      const std::span<const float> logits = models_[m].row(row);
      for (std::size_t c = 0; c < classes; ++c) z[c] += alpha[m] * static_cast<double>(logits[c]);
    }
    double largest = beta * z[0], sum = 0;
    for (const double value : z) largest = std::max(largest, beta * value);
    for (std::size_t c = 0; c < classes; ++c) sum += d[c] = std::exp(beta * z[c] - largest);
    part.loss += largest + std::log(sum) - beta * z[label];
    for (double& value : d) value /= sum;
    d[label] -= 1;
    for (std::size_t c = 0; c < classes; ++c) part.beta += d[c] * z[c];
    for (std::size_t m = 0; m < models_.size(); ++m) {
      const std::span<const float> logits = models_[m].row(row);
      double product = 0;
      for (std::size_t c = 0; c < classes; ++c) product += d[c] * static_cast<double>(logits[c]);
      part.alpha[m] += beta * product;
    }
  }

  std::span<const Predictions> models_;
  Coefficients coefficients_;
};

}  // namespace

EnsembleSolution solve_ensemble(std::span<const Predictions> models, Form form, bool learn_beta,
                                int iterations) {
  assert(!models.empty());
  Problem problem(models, Coefficients(form, 1, models.size(), learn_beta));
  const Lbfgs::Function function = [&](std::span<const double> x) { return problem(x); };
  Lbfgs solver(problem.coefficients().parameters());
  EnsembleSolution solution;
  solution.uniform = problem(solver.parameters()).value;
  while (solution.iterations < iterations && solver.iterate(function)) {
    ++solution.iterations;
    if (solver.gradient_norm() < kSmallGradient) break;
  }
  solution.loss = solver.started() ? solver.at().value : solution.uniform;
  Coefficients best = problem.coefficients();
  best.set_parameters(solver.parameters());
  solution.alpha = best.alpha();
  solution.beta = best.beta();
  return solution;
}

}  // namespace stockpot
