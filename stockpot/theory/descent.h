// Fine-tuning by gradient descent with a constant step, written as the definition says, in the
// coordinates of the inputs: an independent check of the flow, and of the invariants.
#pragma once

#include "stockpot/theory/problem.h"
#include "stockpot/theory/span.h"

namespace stockpot::theory {

struct DescentOptions {
  double step = 0.05;  // times 1 / ||X||_2^2
  int most_steps = 200000;
  int look_every = 200;    // how often the end is tested and the lowest error kept
  double stop_at = 1e-22;  // of the training loss, as it is
};

struct DescentResult {
  VectorXd head;      // v
  MatrixXd features;  // B, k x d
  Losses losses;      // at the end
  double lowest_ood = 0;
  int steps = 0;  // before the last one that was looked at
  bool converged = false;
  bool diverged = false;  // the steps were too long for this head: its numbers are not finite
  double off_span = 0;    // largest entry of (B - B0) off the training span: 0 by invariant I1
  double imbalance = 0;   // largest change of an entry of v v^T - B B^T: O(step) by invariant I2
};

// From `head` and problem.features. Throws Interrupted when asked to stop.
DescentResult gradient_descent(const Problem& problem, const VectorXd& head,
                               const DescentOptions& options = {});

}  // namespace stockpot::theory
