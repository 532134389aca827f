#include "stockpot/train/sharpness.h"

#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>

namespace stockpot {

SharpnessAware::SharpnessAware(const Classifier& model, double rho)
    : rho_(rho), kept_(copy_weights(model, model.device())) {}

void SharpnessAware::climb(const Classifier& model, const at::Tensor& gradient_norm) {
  const c10::NoGradGuard no_grad;
  put_into(weights_of(model), kept_);
  const at::Tensor step = model.flat_gradients();
  step.mul_((rho_ / (gradient_norm + 1e-12)).to(at::kFloat));
  model.flat_values().add_(step);
}

// The running statistics are those of the first pass: the second one sees other weights.
void SharpnessAware::descend(const Classifier& model) { put_weights(kept_, model); }

}  // namespace stockpot
