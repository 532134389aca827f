#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <vector>

#include "stockpot/kernels/convolution.h"
#include "stockpot/model/blocks.h"
#include "stockpot/model/custom_function.h"
#include "stockpot/model/fused_ops.h"

namespace stockpot {
namespace {

ConvShape shape_of(const at::Tensor& x, const at::Tensor& weight, std::int64_t stride) {
  return {.images = x.size(0),
          .height = x.size(2),
          .width = x.size(3),
          .in = x.size(1),
          .out = weight.size(0),
          .size = weight.size(2),
          .stride = stride};
}

template <typename Body>
void for_channels(std::int64_t count, const Body& body) {
  // Two vectors of AVX-512: many shares even where there are few channels.
  for_ranges(count, 32, [&](std::int64_t begin, std::int64_t end) { body(Channels{begin, end}); });
}

struct ConvolutionFunction : torch::autograd::Function<ConvolutionFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            std::int64_t stride) {
    const ConvShape shape = shape_of(x, weight, stride);
    const at::Tensor y = at::empty({shape.images, shape.out, shape.out_height(), shape.out_width()},
                                   x.options().memory_format(at::MemoryFormat::ChannelsLast));
    float* const results = y.data_ptr<float>();
    for_channels(shape.out, [&](const Channels& part) {
      convolve(shape, part, data_of(x), data_of(weight), results);
    });
    context->save_for_backward({x, weight});
    context->saved_data["stride"] = stride;
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1];
    const at::Tensor gradient = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    const ConvShape shape = shape_of(x, weight, context->saved_data["stride"].toInt());
    at::Tensor x_gradient, w_gradient;
    if (context->needs_input_grad(0)) {
      x_gradient = at::empty_like(x);
      float* const results = x_gradient.data_ptr<float>();
      for_channels(shape.in, [&](const Channels& part) {
        convolve_backward(shape, part, data_of(gradient), data_of(weight), results);
      });
    }
    if (context->needs_input_grad(1)) {
      w_gradient = at::empty_like(weight);
      float* const results = w_gradient.data_ptr<float>();
      for_channels(shape.in, [&](const Channels& part) {
        convolve_weight_gradient(shape, part, data_of(gradient), data_of(x), results);
      });
    }
    return {x_gradient, w_gradient, at::Tensor()};
  }
};

}  // namespace

at::Tensor fused_convolution(const at::Tensor& x, const at::Tensor& weight, std::int64_t stride) {
  return ConvolutionFunction::apply(x.contiguous(at::MemoryFormat::ChannelsLast),
                                    weight.contiguous(at::MemoryFormat::ChannelsLast), stride);
}

}  // namespace stockpot
