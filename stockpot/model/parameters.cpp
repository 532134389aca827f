#include "stockpot/model/parameters.h"

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace stockpot {
namespace {

bool is_trained(const TensorSpec& spec) {
  return spec.role == Role::kernel || spec.role == Role::scalar;
}

int segment(const TensorSpec& spec) {
  return (spec.head ? 2 : 0) + (spec.role == Role::kernel ? 0 : 1);
}

std::vector<std::int64_t> strides_of(const Shape& shape) {
  if (shape.size() == 4) return {shape[1] * shape[2] * shape[3], 1, shape[3] * shape[1], shape[1]};
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

// A leaf of autograd on part of the flat buffer. Its gradient is defined from the start, so
// backward adds to it in place, that is, into the flat gradient.
at::Tensor leaf_view(const at::Tensor& values, const at::Tensor& gradients, const Shape& shape,
                     std::int64_t offset) {
  const std::vector<std::int64_t> strides = strides_of(shape);
  at::Tensor leaf = values.as_strided(shape, strides, offset).detach();
  leaf.requires_grad_(true);
  leaf.mutable_grad() = gradients.as_strided(shape, strides, offset).detach();
  return leaf;
}

}  // namespace

TensorTable::TensorTable(std::vector<TensorSpec> specs, at::Device device)
    : specs_(std::move(specs)) {
  const c10::NoGradGuard no_grad;
  std::int64_t trained = 0;
  for (const TensorSpec& spec : specs_)
    if (is_trained(spec)) trained += element_count(spec.shape);
  const auto options = at::TensorOptions().device(device).dtype(at::kFloat);
  values_ = at::zeros({trained}, options);
  gradients_ = at::zeros({trained}, options);
  add_trained();
  add_multiplied();
  add_buffers(device);
}

void TensorTable::add_trained() {
  std::vector<const TensorSpec*> order;
  for (const TensorSpec& spec : specs_)
    if (is_trained(spec)) order.push_back(&spec);
  std::stable_sort(order.begin(), order.end(), [](const TensorSpec* a, const TensorSpec* b) {
    return segment(*a) < segment(*b);
  });
  std::int64_t offset = 0;
  for (const TensorSpec* spec : order) {
    parameters_.push_back({.name = spec->name,
                           .value = leaf_view(values_, gradients_, spec->shape, offset),
                           .head = spec->head,
                           .decay = spec->role == Role::kernel,
                           .offset = offset,
                           .block = spec->block,
                           .batchnorm = spec->batchnorm,
                           .frozen = spec->frozen});
    if (!used_.emplace(spec->name, parameters_.back().value).second)
      throw std::logic_error("two tensors are named '" + spec->name + "'");
    offset += element_count(spec->shape);
  }
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first + 1;
    while (last < order.size() && order[last]->fused == order[first]->fused) ++last;
    if (!order[first]->fused.empty()) {
      Shape stacked = order[first]->shape;
      stacked[0] = 0;
      for (std::size_t i = first; i < last; ++i) stacked[0] += order[i]->shape[0];
      const at::Tensor whole = leaf_view(values_, gradients_, stacked, parameters_[first].offset);
      used_.emplace(order[first]->fused, whole);
      stacks_.emplace_back(first, whole);
    }
    first = last;
  }
}

// Kernels and their biases; of a stack the whole.
void TensorTable::add_multiplied() {
  std::set<std::string> kernels;
  for (const TensorSpec& spec : specs_)
    if (spec.role == Role::kernel) kernels.insert(spec.name);
  std::set<std::string> names;
  for (const TensorSpec& spec : specs_) {
    constexpr std::string_view kBias = ".bias";
    const bool bias =
        spec.role == Role::scalar && spec.name.ends_with(kBias) &&
        kernels.contains(spec.name.substr(0, spec.name.size() - kBias.size()) + ".weight");
    if (!spec.head && (spec.role == Role::kernel || bias))
      names.insert(spec.fused.empty() ? spec.name : spec.fused);
  }
  multiplied_.assign(names.begin(), names.end());
}

void TensorTable::add_buffers(at::Device device) {
  for (const TensorSpec& spec : specs_) {
    if (is_trained(spec)) continue;
    const auto type = spec.role == Role::counter ? at::kLong : at::kFloat;
    buffers_.emplace_back(spec.name,
                          at::zeros(spec.shape, at::TensorOptions().device(device).dtype(type)));
    if (!used_.emplace(spec.name, buffers_.back().second).second)
      throw std::logic_error("two tensors are named '" + spec.name + "'");
  }
}

TensorTable TensorTable::copy(at::Device device) const {
  TensorTable result(specs_, device);
  result.assign(*this);
  return result;
}

void TensorTable::assign(const TensorTable& other) {
  const c10::NoGradGuard no_grad;
  values_.copy_(other.values_);
  for (std::size_t i = 0; i < buffers_.size(); ++i)
    buffers_[i].second.copy_(other.buffers_[i].second);
}

void TensorTable::set_trained(const std::function<bool(const Parameter&)>& trained) {
  for (const Parameter& parameter : parameters_)
    parameter.value.set_requires_grad(trained(parameter));
  for (const auto& [first, whole] : stacks_)
    whole.set_requires_grad(parameters_[first].value.requires_grad());
}

TensorTable TensorTable::part(const std::string& prefix) const {
  TensorTable result;
  for (const auto& [name, tensor] : used_)
    if (name.starts_with(prefix)) result.used_.emplace(name.substr(prefix.size()), tensor);
  return result;
}

const at::Tensor& TensorTable::operator[](const std::string& name) const {
  const auto found = used_.find(name);
  if (found == used_.end()) throw std::logic_error("the model has no tensor '" + name + "'");
  return found->second;
}

}  // namespace stockpot
