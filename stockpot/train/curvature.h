// The inverse Hessian as a solver's last steps show it: L-BFGS (Liu and Nocedal 1989) in its
// compact form (Byrd, Nocedal and Schnabel 1994), so that applying it is four passes over the
// steps, whatever their number, each on all threads.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "stockpot/train/feature_rows.h"

namespace stockpot {

// A step of a solver, and what it changed the loss's gradient by; both have the layout of
// Coefficients.
struct CurvaturePair {
  std::vector<float> step, change;
};

// Of an objective  ridge / 2 ||weights||^2 + c * loss. The penalty's part of the Hessian is
// known, so that steps made under one c describe the Hessian under another. Copies share the
// pairs.
class CurvatureHistory {
 public:
  explicit CurvatureHistory(std::size_t most = 30) : most_(most) {}

  std::size_t size() const { return pairs_.size(); }
  // `weights`: how many of the numbers are weights; intercepts come behind them and are not
  // penalised. A pair without curvature, which only rounding makes, is left out. The oldest
  // pair goes when there are too many.
  void add(CurvaturePair pair, std::int64_t weights);

  // The newest step's curvature over that of a metric, s'y / y' M^-1 y: L-BFGS's usual scale of
  // M^-1. 1 without pairs.
  using Solve = std::function<void(float* x)>;  // x <- M^-1 x
  double metric_scale(double c, double ridge, std::int64_t weights, const Solve& solve) const;

  // x <- (estimate of the inverse Hessian) x, `solve` standing for what no step has shown.
  void apply_inverse(double c, double ridge, std::int64_t weights, const Solve& solve,
                     std::vector<float>& x) const;

 private:
  std::size_t most_;
  std::vector<std::shared_ptr<const CurvaturePair>> pairs_;  // oldest first
  // step_i' change_j for i <= j, and step_i' step_j over the weights.
  std::vector<std::vector<double>> step_change_, step_step_;
};

}  // namespace stockpot
