// The two-layer linear network of Kumar, Raghunathan, Jones, Ma, Liang: "Fine-Tuning can Distort
// Pretrained Features and Underperform Out-of-Distribution" (ICLR 2022, section 3): inputs
// x in R^d, labels y = v*^T B* x, a pretrained B0 whose rows span nearly the same subspace as those
// of B*, and training inputs that span a subspace S of R^d only.
#pragma once

#include <Eigen/Core>

#include "stockpot/theory/setting.h"

namespace stockpot::theory {

using Eigen::MatrixXd;
using Eigen::VectorXd;

struct Problem {
  MatrixXd true_features;  // B*, k x d, orthonormal rows
  VectorXd true_head;      // v*, k
  MatrixXd features;       // B0, k x d, orthonormal rows
  MatrixXd inputs;         // X, n x d
  VectorXd head;           // v0, k: where fine-tuning starts

  VectorXd weights() const { return true_features.transpose() * true_head; }  // w*, d
  VectorXd labels() const { return inputs * weights(); }                      // X w*, n
};

// ||v*|| = 1. B0 = c B* + e N with orthonormal rows N off the span of B*, c = 1 - eps^2 / 2 and
// c^2 + e^2 = 1: its distance from B* is eps, and the best rotation U is the identity.
// With phi, v0 = cos a v* + sin a u for a random unit vector u across v*, with sin a = phi.
// Problems that differ in eps, phi or sigma only share all other draws. Throws as check() does.
Problem draw_problem(const ProblemOptions& options);

}  // namespace stockpot::theory
