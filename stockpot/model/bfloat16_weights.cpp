#include "stockpot/model/custom_function.h"
#include "stockpot/model/parameters.h"

namespace stockpot {
namespace {

// A parameter's part of the rounded buffer. Its gradient, in bfloat16, goes to the parameter's in
// float32 without a copy between.
struct RoundedPart : torch::autograd::Function<RoundedPart> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& parameter,
                            const at::Tensor& rounded) {
    context->saved_data["gradient"] = parameter.grad();
    return rounded.as_strided(parameter.sizes(), parameter.strides(), parameter.storage_offset());
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    context->saved_data["gradient"].toTensor().add_(gradients[0]);
    return {at::Tensor(), at::Tensor()};
  }
};

}  // namespace

TensorTable TensorTable::in_bfloat16() const {
  TensorTable result;
  result.used_ = used_;
  const at::Tensor rounded = values_.detach().to(at::kBFloat16);
  for (const std::string& name : multiplied_) {
    at::Tensor& tensor = result.used_.at(name);
    tensor = RoundedPart::apply(tensor, rounded);
  }
  return result;
}

}  // namespace stockpot
