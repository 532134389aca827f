// The solver under the linear probe: one penalty of L2-regularised softmax regression,
//   ridge / 2 * ||weights||^2 + c * (sum of the cross entropies),
// by L-BFGS (Liu and Nocedal 1989) in the metric of gram_metric.h.
//
// It stops on an estimate of objective - minimum: half the squared Newton decrement,
// g' H^-1 g / 2. H^-1 is what the last steps (25 to 60) show of it; where they show nothing, the
// curvature counts as a tenth of its mean, since samples that are right beyond doubt have none.
// How far off is it? Over whole paths on real and synthetic, noisy and separable features the
// true distance was at most 4.2 times the estimate, and at most 1.5 times on most sets; the
// tolerance has to be met with a factor of 3 (kSafety). So the objective was never more than
// 0.9 times the tolerance above the minimum. With fewer than 100 rows, or one far from all others,
// it has been up to 140 times the tolerance: probe.cpp asks for more there. The tests and
// benchmarks compare with solutions that are 1e5 times more precise.
#pragma once

#include <span>
#include <vector>

#include "stockpot/train/curvature.h"
#include "stockpot/train/feature_rows.h"
#include "stockpot/train/gram_metric.h"

namespace stockpot {

// What all penalties of a path share.
struct SoftmaxProblem {
  std::int64_t rows = 0, features = 0, classes = 0;
  double ridge = 1;
  const GramMetric* metric = nullptr;
  double tolerance = 5e-7;  // relative, of the objective
  int max_iterations = 1000;
};

// A minimisation that says where to evaluate the loss next, so that many of them can share one
// pass over the features.
class Descent {
 public:
  Descent(const SoftmaxProblem& problem, double c, Coefficients start, CurvatureHistory history);

  // Where the loss is wanted, and the place for its gradient.
  const Coefficients& trial() const { return trial_; }
  Coefficients& trial_gradient() { return trial_gradient_; }
  // The loss at trial(), whose gradient is in trial_gradient().
  void take(const LossSums& sums);

  bool finished() const { return converged_ || stopped_; }
  bool converged() const { return converged_; }
  int iterations() const { return iterations_; }
  double c() const { return c_; }
  double objective() const { return objective_; }
  double gap() const { return gap_; }  // estimate of objective - minimum, without kSafety
  double curvature() const { return curvature_; }  // rho of the metric
  std::int64_t correct() const { return correct_; }
  const Coefficients& coefficients() const { return at_; }
  const CurvatureHistory& history() const { return history_; }

  static constexpr double kSafety = 3;

 private:
  void accept(const LossSums& sums, double objective);
  CurvaturePair last_pair() const;
  void next_direction();
  void place_trial();
  std::int64_t weights() const { return problem_->classes * problem_->features; }

  const SoftmaxProblem* problem_;
  double c_;
  Coefficients at_, gradient_;  // the gradient of the loss alone
  Coefficients trial_, trial_gradient_;
  std::vector<float> direction_;
  CurvatureHistory history_;
  double objective_ = 0, gap_ = 0, curvature_ = 0, slope_ = 0;
  double step_ = 0, low_ = 0, high_ = 0;
  int iterations_ = 0, trials_ = 0, idle_ = 0;
  std::int64_t correct_ = 0;
  bool converged_ = false, stopped_ = false;
};

// One evaluation for each of these unfinished descents, in one pass over `rows`. Throws
// Interrupted.
void step_all(FeatureRows& rows, std::span<Descent* const> descents);

// Runs them to their ends, all in one pass at a time. Returns the number of evaluations.
std::int64_t minimise(FeatureRows& rows, std::span<Descent> descents);

}  // namespace stockpot
