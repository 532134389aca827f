#include "stockpot/theory/descent.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"

namespace stockpot::theory {

DescentResult gradient_descent(const Problem& problem, const VectorXd& head,
                               const DescentOptions& options) {
  const MatrixXd& inputs = problem.inputs;
  const VectorXd labels = problem.labels(), weights = problem.weights();
  const InputSpan span = span_of(inputs);
  const double rate = options.step / (span.scales(0) * span.scales(0));
  const auto ood = [&](const DescentResult& at) {
    return (weights - at.features.transpose() * at.head).squaredNorm();
  };

  DescentResult result;
  result.head = head;
  result.features = problem.features;
  result.lowest_ood = std::numeric_limits<double>::infinity();
  VectorXd residual, pull, slope;
  for (int step = 0; step < options.most_steps; ++step) {
    residual = inputs * (result.features.transpose() * result.head) - labels;
    pull = inputs.transpose() * residual;
    slope = 2 * result.features * pull;
    result.features.noalias() -= (2 * rate) * result.head * pull.transpose();
    result.head -= rate * slope;
    result.steps = step;
    if (step % options.look_every != 0) continue;
    if (stop_requested()) throw Interrupted("stopped during gradient descent");
    result.lowest_ood = std::min(result.lowest_ood, ood(result));
    result.converged = residual.squaredNorm() < options.stop_at;
    result.diverged = !std::isfinite(residual.squaredNorm());
    if (result.converged || result.diverged) break;
  }

  const VectorXd error = weights - result.features.transpose() * result.head;
  result.losses = {.ood = error.squaredNorm(),
                   .id = (span.basis.transpose() * error).squaredNorm(),
                   .training = (inputs * error).squaredNorm()};
  result.lowest_ood = std::min(result.lowest_ood, result.losses.ood);
  const MatrixXd moved = result.features - problem.features;
  result.off_span = (moved - (moved * span.basis) * span.basis.transpose()).cwiseAbs().maxCoeff();
  result.imbalance = (result.head * result.head.transpose() - head * head.transpose() -
                      result.features * result.features.transpose() +
                      problem.features * problem.features.transpose())
                         .cwiseAbs()
                         .maxCoeff();
  return result;
}

}  // namespace stockpot::theory
