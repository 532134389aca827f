// A copy of a model's parameters and buffers, on any device.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "stockpot/model/classifier.h"
#include "stockpot/train/named_tensors.h"

namespace stockpot {

struct Weights {
  at::Tensor values;                // as Classifier::flat_values()
  std::vector<at::Tensor> buffers;  // in the order of Classifier::buffers()
};

Weights copy_weights(const Classifier& model, at::Device device);
// Copies the values of one into the memory of another, of the same tensors.
void put_into(const Weights& from, const Weights& to);
void put_weights(const Weights& weights, const Classifier& model);
// Handles of the model's own memory.
Weights weights_of(const Classifier& model);

// "<prefix>.values", "<prefix>.<name of the buffer>"
NamedTensors named(const std::string& prefix, const Weights& weights, const Classifier& model);

}  // namespace stockpot
