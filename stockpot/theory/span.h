// A problem in the coordinates of its training span. Let X = W diag(s) Q^T be the thin SVD of the
// inputs. The loss ||X B^T v - Y||^2 = sum_j s_j^2 (q_j^T (B^T v - w*))^2 sees B through G = B Q
// only, and its gradient leaves B (I - Q Q^T) alone: training moves v and G, k (r + 1) numbers
// instead of k (d + 1), and the loss is diagonal in the span.
#pragma once

#include "stockpot/theory/problem.h"

namespace stockpot::theory {

struct InputSpan {
  MatrixXd basis;   // Q, d x r, orthonormal columns that span S
  VectorXd scales;  // s, r singular values of X, largest first
};

InputSpan span_of(const MatrixXd& inputs);

// What training moves, side by side: column 0 is v, the others are G (k x (r + 1)).
using State = MatrixXd;

struct SpanProblem {
  VectorXd curvature;   // s_j^2, r
  VectorXd target;      // Q^T w*, r
  MatrixXd features;    // G0 = B0 Q, k x r
  MatrixXd off_span;    // B0 (I - Q Q^T), k x d: never moves
  VectorXd off_target;  // (I - Q Q^T) w*, d
  VectorXd head;        // v0, k
};

SpanProblem in_span(const Problem& problem);
SpanProblem in_span(const Problem& problem, const InputSpan& span);  // span_of(problem.inputs)

Losses losses(const SpanProblem& problem, const State& state);

// The state that fine-tuning starts from with this head.
State start_from(const SpanProblem& problem, const VectorXd& head);

// The linear probe: the head of least ||X B0^T v - Y||, of least norm if there are several.
VectorXd probe_head(const SpanProblem& problem);

// The probe's own gradient flow, v' = -2 B0 X^T (X B0^T v - Y), at `time`, in closed form.
VectorXd probe_flow(const SpanProblem& problem, const VectorXd& start, double time);

}  // namespace stockpot::theory
