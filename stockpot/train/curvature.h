// The inverse Hessian H as a solver's last steps show it: L-BFGS (Liu and Nocedal 1989) in its
// compact form (Byrd, Nocedal and Schnabel 1994). With the steps as the columns of S and what they
// changed the gradient by as those of Y, R the upper triangle of S'Y, D its diagonal,
//   H = P' M^-1 P + S R^-T D R^-1 S',  P = 1 - Y R^-1 S',
// M a metric that stands for what no step has shown. Each iteration reads the steps three times and
// the changes once, whatever their number, on all threads.
#pragma once

#include <memory>
#include <vector>

#include "stockpot/train/feature_rows.h"
#include "stockpot/train/gram_metric.h"

namespace stockpot {

// A step of a solver, and what it changed the loss's gradient by; both have the layout of
// Coefficients. Of their weights, also what GramMetric::project() gives.
struct CurvaturePair {
  std::vector<float> step, change;
  std::vector<float> step_inside = {}, change_inside = {};
};

// Of an objective  ridge / 2 ||weights||^2 + c * loss. The penalty's part of the Hessian is
// known, so that steps made under one c describe the Hessian under another: a column of Y is
// c * change + ridge * step. Copies share the pairs.
class CurvatureHistory {
 public:
  explicit CurvatureHistory(std::size_t most = 30) : most_(most) {}

  std::size_t size() const { return pairs_.size(); }
  // `weights`: how many of the numbers are weights; intercepts come behind them and are not
  // penalised. A pair without curvature, which only rounding makes, is left out. The oldest
  // pair goes when there are too many. Returns S'x with the new pair's step.
  std::vector<double> add(CurvaturePair pair, std::int64_t weights, const std::vector<float>& x);
  // S'x.
  std::vector<double> along(std::int64_t weights, const std::vector<float>& x) const;

  // The newest step's curvature over that of a metric, s'y / y' M^-1 y: L-BFGS's usual scale of
  // M^-1. 1 without pairs.
  double metric_scale(double c, double ridge, std::int64_t weights,
                      const InverseMetric& metric) const;

  // The part of H x that does not depend on M.
  struct Half {
    std::vector<double> first;  // R^-1 S'x
    double known = 0;           // x' S R^-T D R^-1 S' x; x'H x is this plus rest' M^-1 rest
    std::vector<float> rest;    // P x
    std::vector<double> weight_changes, intercept_changes;  // Y' rest over either kind of numbers
  };
  // along: S'x.
  Half half_of_inverse(double c, double ridge, std::int64_t weights, std::vector<double> along,
                       std::vector<float> x) const;
  // Makes H x of x = M^-1 half.rest; inside: the projection of half.rest.
  void add_other_half(double c, double ridge, std::int64_t weights, const Half& half,
                      const InverseMetric& metric, const std::vector<float>& inside,
                      std::vector<float>& x) const;

 private:
  // Element i <= j of R.
  double r(double c, double ridge, std::size_t i, std::size_t j) const {
    return c * step_change_[i][j] + ridge * step_step_[i][j];
  }

  std::size_t most_;
  std::vector<std::shared_ptr<const CurvaturePair>> pairs_;  // oldest first
  // step_i' change_j for i <= j, and step_i' step_j over the weights.
  std::vector<std::vector<double>> step_change_, step_step_;
};

}  // namespace stockpot
