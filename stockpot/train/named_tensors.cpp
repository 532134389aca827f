#include "stockpot/train/named_tensors.h"

#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include <cstring>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

Dtype dtype_of(const at::Tensor& tensor) {
  if (tensor.scalar_type() == at::kLong) return Dtype::i64;
  return tensor.scalar_type() == at::kDouble ? Dtype::f64 : Dtype::f32;
}

}  // namespace

at::Tensor in_memory_order(const at::Tensor& tensor) {
  return tensor.detach().as_strided({tensor.numel()}, {1});
}

void copy_out(const NamedTensors& tensors, Snapshot& snapshot) {
  const c10::NoGradGuard no_grad;
  for (const auto& [name, tensor] : tensors) {
    const std::span<std::byte> bytes = snapshot.add(name, dtype_of(tensor), {tensor.numel()});
    at::from_blob(bytes.data(), {tensor.numel()}, at::TensorOptions(tensor.scalar_type()))
        .copy_(in_memory_order(tensor));
  }
}

void copy_in(const SafetensorsFile& file, const NamedTensors& tensors) {
  const c10::NoGradGuard no_grad;
  for (const auto& [name, tensor] : tensors) {
    const TensorView* saved = file.find(name);
    if (saved == nullptr) throw FormatError(file.path(), "has no tensor '" + name + "'");
    if (saved->dtype != dtype_of(tensor) || saved->shape != Shape{tensor.numel()})
      throw FormatError(file.path(), "tensor '" + name + "' has shape " + to_string(saved->shape) +
                                         ", this run needs [" + std::to_string(tensor.numel()) +
                                         "]");
    // The file's bytes need not be aligned.
    std::vector<std::byte> bytes(saved->bytes.begin(), saved->bytes.end());
    in_memory_order(tensor).copy_(
        at::from_blob(bytes.data(), {tensor.numel()}, at::TensorOptions(tensor.scalar_type())));
  }
}

}  // namespace stockpot
