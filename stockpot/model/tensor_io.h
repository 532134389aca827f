// Between tensors on disk and at::Tensor.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "stockpot/checkpoint/tensor.h"

namespace stockpot {

// Copies the values of `source` into `target` (float32 or int64, any strides and device),
// converting the type. Throws FormatError naming the tensor when the shapes differ.
void copy_values(const TensorView& source, const at::Tensor& target);

// A row-major copy on the CPU. `tensor` is float32 or int64, on any device.
OwnedTensor to_owned(std::string name, const at::Tensor& tensor);

}  // namespace stockpot
