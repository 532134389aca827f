#include "stockpot/model/tensor_io.h"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {

void copy_values(const TensorView& source, const at::Tensor& target) {
  const Shape expected(target.sizes().begin(), target.sizes().end());
  if (source.shape != expected)
    throw FormatError("tensor '" + printable(source.name) + "' has shape " +
                      to_string(source.shape) + ", the model expects " + to_string(expected));
  const c10::NoGradGuard no_grad;
  at::Tensor values = at::empty(expected, at::TensorOptions().dtype(target.scalar_type()));
  const auto count = static_cast<std::size_t>(values.numel());
  if (target.scalar_type() == at::kLong) {
    std::vector<double> numbers(count);
    read_values(source, std::span<double>(numbers));
    std::transform(numbers.begin(), numbers.end(), values.data_ptr<std::int64_t>(),
                   [](double number) { return std::llround(number); });
  } else {
    read_values(source, std::span<float>(values.data_ptr<float>(), count));
  }
  target.copy_(values);
}

OwnedTensor to_owned(std::string name, const at::Tensor& tensor) {
  const c10::NoGradGuard no_grad;
  const at::Tensor values = tensor.detach().to(at::kCPU).contiguous();
  OwnedTensor owned;
  owned.name = std::move(name);
  owned.dtype = values.scalar_type() == at::kLong ? Dtype::i64 : Dtype::f32;
  owned.shape.assign(values.sizes().begin(), values.sizes().end());
  owned.bytes.resize(values.nbytes());
  if (!owned.bytes.empty()) std::memcpy(owned.bytes.data(), values.data_ptr(), values.nbytes());
  return owned;
}

}  // namespace stockpot
