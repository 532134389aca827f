// The numbers that a random problem is drawn from, and the losses it is measured by.
#pragma once

#include <cstdint>
#include <optional>

namespace stockpot::theory {

// What a random problem is drawn from; in parentheses the flags of the command line.
struct ProblemOptions {
  std::int64_t dimension = 60;  // d, of the inputs (--dim)
  std::int64_t features = 4;    // k, rows of B (--features)
  std::int64_t subspace = 30;   // m = dim S (--subspace)
  // n (--examples). 0: the submission's form, X is m inputs of N(0, I_d). Otherwise the published
  // form: x = F z with orthonormal columns F of S and z of N(0, I_m).
  std::int64_t examples = 0;
  double eps = 0.1;           // feature quality d(B0, B*) = min_U ||B0 - U B*||_2 (--eps)
  std::optional<double> phi;  // head alignment error of v0 (--phi); without it v0 is random
  double sigma = 1;           // scale of a random head: v0 of N(0, sigma^2 I) (--sigma)
  std::uint64_t seed = 0;     // (--seed)
};

inline constexpr std::int64_t kLargestDimension = 4096;

// Throws UsageError that names the flag: the theory needs 1 <= k < m < d, k < d - m, n >= m,
// eps in [0, sqrt(2)], phi in [0, 1] and a finite sigma >= 0.
void check(const ProblemOptions& options);

struct Losses {
  double ood = 0;       // ||w* - B^T v||^2: the largest squared error over ||x|| <= 1, and the mean
                        // squared error over x of N(0, I)
  double id = 0;        // the same for x in S: ||P_S (w* - B^T v)||^2
  double training = 0;  // ||X B^T v - Y||^2
};

// How a gradient flow ended.
enum class FlowEnd {
  converged,   // nothing of the training loss is left
  stationary,  // at a critical point with a larger loss: a saddle
  out_of_steps
};

}  // namespace stockpot::theory
