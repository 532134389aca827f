// Sharpness-aware minimisation (Foret et al. 2021, "Sharpness-Aware Minimization for Efficiently
// Improving Generalization", algorithm 1): the gradient that the optimizer gets is taken at the
// worst point near the weights.
#pragma once

#include <ATen/core/Tensor.h>

#include "stockpot/train/weights.h"

namespace stockpot {

class SharpnessAware {
 public:
  // rho: the distance, in the L2 norm over all trained parameters.
  SharpnessAware(const Classifier& model, double rho);

  // To w + rho * gradient / (||gradient|| + 1e-12); the gradients are lost.
  void climb(const Classifier& model, const at::Tensor& gradient_norm);
  // Back to the very same weights and running statistics.
  void descend(const Classifier& model);

 private:
  double rho_;
  Weights kept_;
};

}  // namespace stockpot
