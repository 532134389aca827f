// What the files of our own autograd functions share, for those .cpp files only: LibTorch's
// header includes all of ATen, which the rooms with tensors forbid themselves.
#pragma once

#undef TORCH_ASSERT_ONLY_METHOD_OPERATORS
#include <torch/csrc/autograd/custom_function.h>

namespace stockpot {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Custom functions take what may be missing as an optional.
using Maybe = decltype(c10::IValue().toOptional<at::Tensor>());

inline const float* data_of(const at::Tensor& x) { return x.data_ptr<float>(); }
inline const float* data_of(const Maybe& x) { return x ? x->data_ptr<float>() : nullptr; }

}  // namespace stockpot
