// What the theorems are stated in: distances and angles of a problem, and the lower bound.
#pragma once

namespace stockpot::theory {

struct Problem;
struct InputSpan;

struct ProblemGeometry {
  double eps = 0;           // ||B0 - U B*||_2 with the Procrustes rotation U
  double cos_span = 0;      // cos theta_k(rowspace(B0), S)
  double cos_off_span = 0;  // cos theta_k(rowspace(B0), S_perp)
  double phi_squared = 0;   // |(v0^T v*)^2 - (v*^T v*)^2|, v* in the frame of B0 (rotated by U)
  // Right-hand side of Theorem 3.1 (the submission's numbers), for sqrt(L_ood) of fine-tuning from
  // v0 at all times: cos_off_span / sqrt(k) min(phi, phi^2/||w*||) / (1 + ||w*||)^2 - eps. Says
  // nothing when negative.
  double bound = 0;
};

// The rows of B0 are orthonormal, as draw_problem() makes them.
ProblemGeometry measure(const Problem& problem);
ProblemGeometry measure(const Problem& problem, const InputSpan& span);  // span_of(problem.inputs)

}  // namespace stockpot::theory
