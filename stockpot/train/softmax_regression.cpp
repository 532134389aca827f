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

// Long vectors are worked on by all threads, in blocks that do not depend on their number.
constexpr std::int64_t kBlock = 1 << 14, kLong = 1 << 16;

template <typename Part>
double sum_of_blocks(std::int64_t n, const Part& part) {
  if (n < kLong) return part(0, n);
  std::vector<double> parts(static_cast<std::size_t>((n + kBlock - 1) / kBlock));
  for_ranges(n, kBlock, [&](std::int64_t begin, std::int64_t end) {
    parts[static_cast<std::size_t>(begin / kBlock)] = part(begin, end - begin);
  });
  double sum = 0;
  for (const double one : parts) sum += one;
  return sum;
}

template <typename Body>
void in_blocks(std::int64_t n, const Body& body) {
  if (n < kLong) return body(0, n);
  for_ranges(n, kBlock, [&](std::int64_t begin, std::int64_t end) { body(begin, end - begin); });
}

template <typename X, typename Y>
double product(std::int64_t n, const X* x, const Y* y) {
  return sum_of_blocks(
      n, [=](std::int64_t begin, std::int64_t size) { return dot(size, x + begin, y + begin); });
}

}  // namespace

Descent::Descent(const SoftmaxProblem& problem, double c, Coefficients start,
                 CurvatureHistory history)
    : problem_(&problem),
      c_(c),
      trial_(std::move(start)),
      trial_gradient_(trial_.size()),
      history_(std::move(history)) {}

double Descent::step_product(const CurvaturePair& pair) const {
  return c_ * pair.step_change + problem_->ridge * pair.step_step;
}

void Descent::apply_inverse(GramMetric::Rest rest, double curvature, double scale,
                            std::vector<float>& x) const {
  const std::int64_t intercepts = problem_->classes;
  const double ridge = problem_->ridge;
  float* w = x.data();
  float* b = w + weights();
  std::vector<double> alphas(history_.size());
  for (std::size_t i = history_.size(); i-- > 0;) {
    const CurvaturePair& pair = *history_[i];
    const float *step = pair.step.data(), *change = pair.change.data();
    alphas[i] =
        (product(weights(), step, w) + dot(intercepts, step + weights(), b)) / step_product(pair);
    in_blocks(weights(), [&, alpha = alphas[i]](std::int64_t begin, std::int64_t size) {
      add_scaled(size, -alpha * c_, change + begin, -alpha * ridge, step + begin, w + begin);
    });
    add_scaled(intercepts, -alphas[i] * c_, change + weights(), b);
  }
  problem_->metric->solve(c_ * curvature, ridge, rest, problem_->classes, w);
  if (scale != 1)
    for (float& value : x) value *= static_cast<float>(scale);
  for (std::size_t i = 0; i < history_.size(); ++i) {
    const CurvaturePair& pair = *history_[i];
    const float *step = pair.step.data(), *change = pair.change.data();
    const double beta =
        (sum_of_blocks(weights(),
                       [&](std::int64_t begin, std::int64_t size) {
                         return dot(size, c_, change + begin, ridge, step + begin, w + begin);
                       }) +
         c_ * dot(intercepts, change + weights(), b)) /
        step_product(pair);
    in_blocks(weights() + intercepts,
              [&, left = alphas[i] - beta](std::int64_t begin, std::int64_t size) {
                add_scaled(size, left, step + begin, w + begin);
              });
  }
}

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
  if (!at_.empty()) {
    auto pair = std::make_shared<CurvaturePair>();
    pair->step.resize(trial_.size());
    pair->change.resize(trial_.size());
    for (std::size_t i = 0; i < trial_.size(); ++i) {
      pair->step[i] = static_cast<float>(trial_[i] - at_[i]);
      pair->change[i] = static_cast<float>(trial_gradient_[i] - gradient_[i]);
    }
    const auto n = static_cast<std::int64_t>(trial_.size());
    pair->step_step = dot(weights(), pair->step.data(), pair->step.data());
    pair->step_change = dot(n, pair->step.data(), pair->change.data());
    // Not positive by rounding only: the loss is convex.
    if (pair->step_change > 0) {
      if (history_.size() >= problem_->history) history_.pop_front();
      history_.push_back(std::move(pair));
    }
  }
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

void Descent::next_direction() {
  const auto n = static_cast<std::int64_t>(at_.size());
  const double ridge = problem_->ridge;
  std::vector<float> gradient(at_.size());
  for (std::int64_t i = 0; i < n; ++i) {
    const auto j = static_cast<std::size_t>(i);
    gradient[j] = static_cast<float>(c_ * gradient_[j] + (i < weights() ? ridge * at_[j] : 0));
  }
  // The usual scaling of L-BFGS by its newest pair: then the first trial is nearly always taken.
  metric_scale_ = 1;
  if (!history_.empty()) {
    const CurvaturePair& newest = *history_.back();
    std::vector<float> change(at_.size());
    for (std::int64_t i = 0; i < n; ++i) {
      const auto j = static_cast<std::size_t>(i);
      change[j] = static_cast<float>(c_) * newest.change[j] +
                  (i < weights() ? static_cast<float>(ridge) * newest.step[j] : 0);
    }
    std::vector<float> solved = change;
    problem_->metric->solve(c_ * curvature_, ridge, GramMetric::Rest::largest, problem_->classes,
                            solved.data());
    metric_scale_ = std::min(1.0, step_product(newest) / dot(n, change.data(), solved.data()));
  }
  direction_ = gradient;
  apply_inverse(GramMetric::Rest::largest, curvature_, metric_scale_, direction_);
  slope_ = -dot(n, gradient.data(), direction_.data());
  gap_ = -slope_ / 2;
  if (kSafety * gap_ <= problem_->tolerance * objective_) {
    // The same without what keeps steps short, which underrates the gap by up to 36 times.
    std::vector<float> longer = gradient;
    apply_inverse(GramMetric::Rest::mean, kUnseenCurvature * curvature_, 1, longer);
    gap_ = dot(n, gradient.data(), longer.data()) / 2;
    converged_ = kSafety * gap_ <= problem_->tolerance * objective_;
  }
  if (!converged_)
    stopped_ = iterations_ >= problem_->max_iterations || idle_ >= kMostIdle || !(slope_ < 0);
  if (finished()) return;
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

void minimise(FeatureRows& rows, std::span<Descent> descents) {
  for (;;) {
    std::vector<Descent*> active;
    for (Descent& descent : descents)
      if (!descent.finished()) active.push_back(&descent);
    if (active.empty()) return;
    if (stop_requested()) throw Interrupted("stopped while fitting the linear probe");
    std::vector<const Coefficients*> trials;
    std::vector<Coefficients*> gradients;
    for (Descent* descent : active) {
      trials.push_back(&descent->trial());
      gradients.push_back(&descent->trial_gradient());
    }
    const std::vector<LossSums> sums = rows.evaluate(trials, gradients);
    for_blocks(static_cast<std::int64_t>(active.size()), [&](std::int64_t i) {
      const auto j = static_cast<std::size_t>(i);
      active[j]->take(sums[j]);
    });
  }
}

}  // namespace stockpot
