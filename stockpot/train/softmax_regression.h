// The solver under the linear probe: one penalty of L2-regularised softmax regression.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace stockpot {

// Over T (p x k):  ridge/2 ||T without its last row||^2 + c * sum_i CE(softmax(A_i T), y_i).
// Everything is float64 on the CPU.
struct SoftmaxProblem {
  // A, n x p. The last column is all ones (the intercept, which is not penalised). Any columns
  // work, but orthogonal ones make the metric below nearly the Hessian, for every c at once.
  at::Tensor inputs;
  at::Tensor labels;         // n x 1 int64 in 0..k-1, each class present
  at::Tensor squared_norms;  // p x 1, of the columns of A
  double ridge = 1;
};

struct SoftmaxSolution {
  at::Tensor coefficients;  // T, p x k
  at::Tensor scores;        // A T, n x k
  double objective = 0;
  int iterations = 0;  // each costs one product with A and one with its transpose
  bool converged = false;
};

// The objective where scores = A T, without a product with A.
double softmax_objective(const SoftmaxProblem& problem, double c, const at::Tensor& coefficients,
                         const at::Tensor& scores);

// L-BFGS (Liu and Nocedal 1989) in the metric c * rho * ||A_j||^2 + ridge, with an almost exact
// line search on cached scores. Stops when half the squared Newton decrement, the estimate of
// objective - minimum, is at most tolerance * objective.
SoftmaxSolution minimise_softmax(const SoftmaxProblem& problem, double c, const at::Tensor& start,
                                 int max_iterations, double tolerance);

}  // namespace stockpot
