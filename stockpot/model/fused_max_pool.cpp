#include <ATen/ops/empty.h>

#include <vector>

#include "stockpot/kernels/max_pool.h"
#include "stockpot/model/blocks.h"
#include "stockpot/model/custom_function.h"
#include "stockpot/model/fused_ops.h"

namespace stockpot {
namespace {

at::Tensor channels_last(at::IntArrayRef sizes, const at::TensorOptions& options) {
  return at::empty(sizes, options.memory_format(at::MemoryFormat::ChannelsLast));
}

PoolShape shape_of(at::IntArrayRef sizes) {
  return {.height = sizes[2], .width = sizes[3], .channels = sizes[1]};
}

struct MaxPoolFunction : torch::autograd::Function<MaxPoolFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x) {
    const PoolShape shape = shape_of(x.sizes());
    const std::int64_t in = shape.height * shape.width * shape.channels;
    const std::int64_t out = shape.out_height() * shape.out_width() * shape.channels;
    const std::vector<std::int64_t> sizes{x.size(0), x.size(1), shape.out_height(),
                                          shape.out_width()};
    const at::Tensor y = channels_last(sizes, x.options());
    // One byte a result: LibTorch's own operator keeps eight.
    const at::Tensor which = channels_last(sizes, x.options().dtype(at::kByte));
    for_blocks(x.size(0), [&](std::int64_t image) {
      max_pool(shape, x.data_ptr<float>() + image * in, y.data_ptr<float>() + image * out,
               which.data_ptr<std::uint8_t>() + image * out);
    });
    context->save_for_backward({which});
    context->saved_data["sizes"] = x.sizes().vec();
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor which = context->get_saved_variables()[0];
    const at::Tensor gradient = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    const std::vector<std::int64_t> sizes = context->saved_data["sizes"].toIntVector();
    const PoolShape shape = shape_of(sizes);
    const std::int64_t in = shape.height * shape.width * shape.channels;
    const std::int64_t out = shape.out_height() * shape.out_width() * shape.channels;
    const at::Tensor x_gradient = channels_last(sizes, gradient.options());
    for_blocks(sizes[0], [&](std::int64_t image) {
      max_pool_backward(shape, gradient.data_ptr<float>() + image * out,
                        which.data_ptr<std::uint8_t>() + image * out,
                        x_gradient.data_ptr<float>() + image * in);
    });
    return {x_gradient};
  }
};

}  // namespace

at::Tensor fused_max_pool(const at::Tensor& x) {
  return MaxPoolFunction::apply(x.contiguous(at::MemoryFormat::ChannelsLast));
}

}  // namespace stockpot
