#include "stockpot/train/softmax_regression.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/model/blocks.h"

namespace stockpot {
namespace {

constexpr int kMostTrials = 20;
// Of the mean, in directions that no step has shown.
constexpr double kUnseenCurvature = 0.1;
// Iterations with hardly a fall of the objective: rounding is all that is left.
constexpr int kMostIdle = 30;

}  // namespace

Descent::Descent(const SoftmaxProblem& problem, double c, Coefficients start,
                 CurvatureHistory history)
    : problem_(&problem),
      c_(c),
      trial_(std::move(start)),
      trial_gradient_(trial_.size()),
      history_(std::move(history)) {}

void Descent::take(const LossSums& sums) {
  const double ridge = problem_->ridge;
  const double objective =
      ridge / 2 * dot(weights(), trial_.data(), trial_.data()) + c_ * sums.loss;
  if (at_.empty()) {
    if (!std::isfinite(objective)) throw RunError("the loss of the linear probe is not finite");
    return accept(sums, objective);
  }
  const auto n = static_cast<std::int64_t>(trial_.size());
  const double slope = c_ * dot(n, trial_gradient_.data(), direction_.data()) +
                       ridge * dot(weights(), trial_.data(), direction_.data());
  // The loss is convex: along the line the slope tells all, and rounding blurs it far less than
  // it does the objective, whose last falls are smaller than its error in float32.
  if (slope >= 0.9 * slope_ && slope <= -0.5 * slope_) {
    ++iterations_;
    const double fall = -step_ * (slope_ + slope) / 2;
    idle_ = fall > 1e-3 * problem_->tolerance * objective_ ? 0 : idle_ + 1;
    return accept(sums, objective);
  }
  if (++trials_ == kMostTrials) {
    stopped_ = true;
    return;
  }
  (slope < 0 ? low_ : high_) = step_;
  // Where the slope would be 0 on a parabola, if that lies between what is known.
  const double parabola = step_ * slope_ / (slope_ - slope);
  if (parabola > low_ && parabola < high_)
    step_ = std::min(parabola, 10 * step_);
  else
    step_ = std::isinf(high_) ? 2 * low_ : (low_ + high_) / 2;
  place_trial();
}

void Descent::accept(const LossSums& sums, double objective) {
  const std::int64_t samples = problem_->rows, classes = problem_->classes;
  std::swap(at_, trial_);
  std::swap(gradient_, trial_gradient_);
  trial_.resize(at_.size());
  trial_gradient_.resize(at_.size());
  objective_ = objective;
  correct_ = sums.correct;
  // The Hessian of the loss of a sample is diag p - p p', with trace 1 - ||p||^2 on k - 1
  // dimensions.
  curvature_ = std::max(1e-8, sums.spread / static_cast<double>(samples * (classes - 1)));
  next_direction();
}

// What the last step, from the present trial_ to at_, shows.
CurvaturePair Descent::last_pair() const {
  CurvaturePair pair{std::vector<float>(at_.size()), std::vector<float>(at_.size())};
  for (std::size_t i = 0; i < at_.size(); ++i) {
    pair.step[i] = static_cast<float>(at_[i] - trial_[i]);
    pair.change[i] = static_cast<float>(gradient_[i] - trial_gradient_[i]);
  }
  pair.step_inside = problem_->metric->project(problem_->classes, pair.step.data());
  pair.change_inside = problem_->metric->project(problem_->classes, pair.change.data());
  return pair;
}

void Descent::next_direction() {
  const auto n = static_cast<std::int64_t>(at_.size());
  const double ridge = problem_->ridge;
  const GramMetric& metric = *problem_->metric;
  std::vector<float> gradient(at_.size());
  for (std::int64_t i = 0; i < n; ++i) {
    const auto j = static_cast<std::size_t>(i);
    gradient[j] = static_cast<float>(c_ * gradient_[j] + (i < weights() ? ridge * at_[j] : 0));
  }
  std::vector<double> along = iterations_ == 0 ? history_.along(weights(), gradient)
                                               : history_.add(last_pair(), weights(), gradient);
  const CurvatureHistory::Half half =
      history_.half_of_inverse(c_, ridge, weights(), std::move(along), std::move(gradient));
  const std::vector<float> inside = metric.project(problem_->classes, half.rest.data());
  // gradient' H gradient.
  const auto decrement = [&](const InverseMetric& inverse) {
    return half.known + inverse.squared(n, weights(), half.rest.data(), inside);
  };
  // The estimate that counts has no scale that keeps steps short: that would underrate the gap
  // by up to 36 times.
  const auto check_gap = [&] {
    gap_ = decrement(
               metric.inverse(c_ * kUnseenCurvature * curvature_, ridge, GramMetric::Rest::mean)) /
           2;
    converged_ = kSafety * gap_ <= problem_->tolerance * objective_;
  };
  // Most starts between two nodes are good enough.
  if (iterations_ == 0) check_gap();
  if (converged_) return;

  // Scaled down by the newest pair, the first trial is nearly always taken.
  InverseMetric bound = metric.inverse(c_ * curvature_, ridge, GramMetric::Rest::largest);
  bound.scale(std::min(1.0, history_.metric_scale(c_, ridge, weights(), bound)));
  slope_ = -decrement(bound);
  if (iterations_ > 0 && kSafety * -slope_ / 2 <= problem_->tolerance * objective_) check_gap();
  if (!converged_)
    stopped_ = iterations_ >= problem_->max_iterations || idle_ >= kMostIdle || !(slope_ < 0);
  if (stopped_) check_gap();
  if (finished()) return;
  direction_ = half.rest;
  metric.solve(bound, problem_->classes, inside, direction_.data());
  history_.add_other_half(c_, ridge, weights(), half, bound, inside, direction_);
  for (float& value : direction_) value = -value;
  step_ = 1;
  low_ = 0;
  high_ = std::numeric_limits<double>::infinity();
  trials_ = 0;
  place_trial();
}

void Descent::place_trial() {
  for (std::size_t i = 0; i < at_.size(); ++i)
    trial_[i] = at_[i] + step_ * static_cast<double>(direction_[i]);
}

void step_all(FeatureRows& rows, std::span<Descent* const> descents) {
  if (stop_requested()) throw Interrupted("stopped while fitting the linear probe");
  std::vector<const Coefficients*> trials;
  std::vector<Coefficients*> gradients;
  for (Descent* descent : descents) {
    trials.push_back(&descent->trial());
    gradients.push_back(&descent->trial_gradient());
  }
  const std::vector<LossSums> sums = rows.evaluate(trials, gradients);
  for_teams(static_cast<std::int64_t>(descents.size()), [&](std::int64_t i) {
    const auto j = static_cast<std::size_t>(i);
    descents[j]->take(sums[j]);
  });
}

std::int64_t minimise(FeatureRows& rows, std::span<Descent> descents) {
  for (std::int64_t evaluations = 0;;) {
    std::vector<Descent*> active;
    for (Descent& descent : descents)
      if (!descent.finished()) active.push_back(&descent);
    if (active.empty()) return evaluations;
    step_all(rows, active);
    evaluations += static_cast<std::int64_t>(active.size());
  }
}

}  // namespace stockpot
