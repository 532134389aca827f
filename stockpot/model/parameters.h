// The tensors of a model by name. Everything trainable lies in one flat buffer and every
// gradient in another, so that an optimizer, a norm or a copy is one pass over memory.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "stockpot/checkpoint/tensor.h"
#include "stockpot/model/classifier.h"

namespace stockpot {

enum class Role {
  kernel,   // trained, weight decay applies
  scalar,   // trained without weight decay: biases, norms, class token, positions
  running,  // float32, a running statistic of BatchNorm
  counter,  // int64, the number of batches that BatchNorm has seen
};

// One tensor of an architecture.
struct TensorSpec {
  std::string name;
  Shape shape;
  Role role = Role::kernel;
  bool head = false;
  // Neighbours with the same `fused` lie next to each other in the flat buffer, and the
  // forward pass finds them stacked along the first dimension under this name: one matrix
  // product for query, key and value.
  std::string fused = "";
  int block = 0;           // see Parameter::block
  bool batchnorm = false;  // scale or shift of a BatchNorm
  bool frozen = false;     // see Parameter::frozen
};

// Layout of the flat buffers: backbone kernels, backbone scalars, head kernels, head scalars,
// each in the order of the specs; no gaps. Four-dimensional tensors lie channels last
// ([out][height][width][in]), as convolutions read them; everything else row-major.
class TensorTable {
 public:
  // All zero. Throws std::logic_error when two tensors share a name.
  TensorTable(std::vector<TensorSpec> specs, at::Device device);
  // The same values in memory of its own; gradients are zero.
  TensorTable copy(at::Device device) const;

  // Copies the values of a table of the same specs, on any device, into this one's memory.
  void assign(const TensorTable& other);

  // What the forward pass computes with: leaves of autograd, fused stacks, running
  // statistics. Throws std::logic_error for a name that no spec has.
  const at::Tensor& operator[](const std::string& name) const;
  bool contains(const std::string& name) const { return used_.contains(name); }
  // For forward passes: the tensors whose names begin with `prefix`, under the rest of their names.
  // Shares their memory; has no parameters.
  TensorTable part(const std::string& prefix) const;

  // For a forward pass on CUDA under Autocast: weights and biases of matrix products and
  // convolutions as bfloat16 values, rounded in one go where autocast rounds each by itself; the
  // bits are the same. Gradients arrive where those of the parameters do. All else is shared with
  // this table.
  TensorTable in_bfloat16() const;

  // Which parameters get gradients from now on; the gradients of the others stay as they are.
  // The parts of a stack are trained when the first one is.
  void set_trained(const std::function<bool(const Parameter&)>& trained);

  // In the order of the flat buffers. A part of a stack has its own view here; its gradient
  // arrives through the stack.
  const std::vector<Parameter>& parameters() const { return parameters_; }
  const std::vector<std::pair<std::string, at::Tensor>>& buffers() const { return buffers_; }
  const std::vector<TensorSpec>& specs() const { return specs_; }
  const at::Tensor& values() const { return values_; }
  const at::Tensor& gradients() const { return gradients_; }

 private:
  TensorTable() = default;
  void add_trained();
  void add_multiplied();
  void add_buffers(at::Device device);

  std::vector<TensorSpec> specs_;
  at::Tensor values_, gradients_;
  std::vector<Parameter> parameters_;
  std::vector<std::pair<std::string, at::Tensor>> buffers_;
  std::unordered_map<std::string, at::Tensor> used_;
  std::vector<std::pair<std::size_t, at::Tensor>> stacks_;  // the first part, and the whole
  std::vector<std::string>
      multiplied_;  // what matrix products and convolutions of the backbone use
};

}  // namespace stockpot
