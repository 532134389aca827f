// The gradient flow of fine-tuning, v' = -dL/dv, B' = -dL/dB, to its end.
#pragma once

#include <span>
#include <vector>

#include "stockpot/theory/span.h"

namespace stockpot::theory {

struct FlowOptions {
  double relative_tolerance = 1e-10;  // of the error of one step, root mean square over the state
  double absolute_tolerance = 1e-12;
  double stop_at = 1e-24;  // of the training loss, relative to ||Y||^2
  // Away from saddles ||gradient||^2 >= 4 |v|^2 s_min^2 loss. Where the left side is below this
  // number squared times 4 s_min^2 loss, the flow is stuck.
  double stationary = 1e-6;
  int most_steps = 100000;
};

struct FlowPoint {
  double time = 0;
  Losses losses;
};

struct FlowResult {
  State end;
  FlowEnd how = FlowEnd::converged;
  int steps = 0;                // accepted
  double time = 0;              // of the end
  double lowest_ood = 0;        // over the start and all steps
  std::vector<FlowPoint> path;  // at the times asked for; once converged, the end
};

// RODAS (Hairer and Wanner, Solving Ordinary Differential Equations II, section VI.4): a
// Rosenbrock method of order 4 with an error estimate of order 3, stiffly accurate and L-stable,
// so steps grow as fast directions die out. The Jacobian is used exactly; its structure makes a
// step cost O(r k^2), like a few steps of gradient descent. `times` ascend. Throws Interrupted when
// asked to stop.
FlowResult gradient_flow(const SpanProblem& problem, const State& start,
                         std::span<const double> times = {}, const FlowOptions& options = {});

// -gradient at `state`, of the same shape.
State descent_direction(const SpanProblem& problem, const State& state);

// (I - (c / 2) J)^-1 applied to `right`, J the Jacobian of descent_direction at `state`.
class ImplicitStep {
 public:
  ImplicitStep(const SpanProblem& problem, const State& state, double c);
  State solve(const State& right) const;

 private:
  VectorXd head_, gap_, curvature_, shrink_;
  MatrixXd coupling_, inverse_;
  double c_;
};

}  // namespace stockpot::theory
