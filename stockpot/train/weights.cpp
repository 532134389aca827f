#include "stockpot/train/weights.h"

#include <ATen/ops/empty_like.h>
#include <c10/core/GradMode.h>

namespace stockpot {
namespace {

at::Tensor copy(const at::Tensor& tensor, at::Device device) {
  return at::empty_like(tensor, tensor.options().device(device)).copy_(tensor);
}

}  // namespace

Weights copy_weights(const Classifier& model, at::Device device) {
  const c10::NoGradGuard no_grad;
  Weights weights{copy(model.flat_values(), device), {}};
  for (const auto& [name, buffer] : model.buffers())
    weights.buffers.push_back(copy(buffer, device));
  return weights;
}

void put_into(const Weights& from, const Weights& to) {
  const c10::NoGradGuard no_grad;
  to.values.copy_(from.values);
  for (std::size_t i = 0; i < from.buffers.size(); ++i) to.buffers[i].copy_(from.buffers[i]);
}

void put_weights(const Weights& weights, const Classifier& model) {
  put_into(weights, weights_of(model));
}

Weights weights_of(const Classifier& model) {
  Weights weights{model.flat_values(), {}};
  for (const auto& [name, buffer] : model.buffers()) weights.buffers.push_back(buffer);
  return weights;
}

NamedTensors named(const std::string& prefix, const Weights& weights, const Classifier& model) {
  NamedTensors tensors{{prefix + ".values", weights.values}};
  for (std::size_t i = 0; i < weights.buffers.size(); ++i)
    tensors.emplace_back(prefix + "." + model.buffers()[i].first, weights.buffers[i]);
  return tensors;
}

}  // namespace stockpot
