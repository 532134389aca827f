// The tensors of a classifier that are mixed from ingredients, and their gradients, as flat pieces
// of memory.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "stockpot/blend/coefficients.h"
#include "stockpot/blend/ingredients.h"
#include "stockpot/merge/plan.h"
#include "stockpot/model/classifier.h"

namespace stockpot {

// Where a mixed tensor lives: one-dimensional views in the order of the memory, on the model's
// device.
struct Slot {
  at::Tensor value, gradient;
};

// Running statistics of a frozen BatchNorm, y = weight (x - mean) / sqrt(variance + eps) + bias:
// autograd has no gradient for them, but those of weight and bias say what it is:
//   dL/dmean     = -weight / sqrt(variance + eps) dL/dbias
//   dL/dvariance = -weight / (2 (variance + eps)) dL/dweight
struct FrozenNorm {
  at::Tensor weight, variance;                // of the model
  at::Tensor weight_gradient, bias_gradient;  // of the model
  at::Tensor mean_target, variance_target;    // gradients of the statistics; undefined: not mixed
};

struct MixedTensors {
  std::vector<BlendTensor> tensors;
  std::vector<Slot> slots;  // of these tensors
  std::vector<FrozenNorm> norms;
  RowsOfTensors rows;

  // Brings the gradients of the statistics up to date with the model's.
  void update_statistics() const;
};

// What `plan` mixes of the tensors of `model`. Statistics that it does not mix (policies keep,
// average and variance) are written into the model here, once. `plan` and `model` outlive the
// result, and neither is moved to another device.
MixedTensors mixed_tensors(const MergePlan& plan, const Classifier& model, Rows rows);

}  // namespace stockpot
