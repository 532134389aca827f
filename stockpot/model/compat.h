// What differs between LibTorch 1.13 (Debian 12) and 2.x: the only place with #if on versions.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/version.h>

namespace stockpot {

inline constexpr const char* kTorchVersion = TORCH_VERSION;

// softmax(q k^T / sqrt(d)) v for q: N x heads x queries x d and k, v: N x heads x tokens x d.
// LibTorch 2 has it as one operator, which keeps the N x heads x queries x tokens
// probabilities out of memory.
at::Tensor scaled_dot_product(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

// The product of two bfloat16 matrices, added up and given in float32. On CUDA one operator since
// LibTorch 2.8; elsewhere by way of float32 copies.
at::Tensor product_in_float(const at::Tensor& a, const at::Tensor& b);

// While it lives, matrix products and convolutions on CUDA run in bfloat16 (autocast); the
// weights and their gradients stay float32. Does nothing when not `enabled` or on the CPU.
class Autocast {
 public:
  Autocast(at::Device device, bool enabled);
  ~Autocast();
  Autocast(const Autocast&) = delete;

 private:
  bool active_, was_enabled_ = false;
  at::ScalarType old_type_{};
};

}  // namespace stockpot
