#include "stockpot/model/fused_ops.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <cmath>
#include <tuple>
#include <vector>

#include "stockpot/kernels/attention.h"
#include "stockpot/kernels/gelu.h"
#include "stockpot/kernels/layer_norm.h"
#include "stockpot/kernels/rows.h"
#include "stockpot/model/blocks.h"
#include "stockpot/model/custom_function.h"
#include "stockpot/model/dense.h"

namespace stockpot {
namespace {

Maybe maybe(const at::Tensor& x) { return x.defined() ? Maybe(x.contiguous()) : Maybe(); }

std::int64_t rows_of(const at::Tensor& x) { return x.numel() / x.size(-1); }

at::Tensor like(const at::Tensor& x, std::int64_t last) {
  std::vector<std::int64_t> sizes = x.sizes().vec();
  sizes.back() = last;
  return at::empty(sizes, x.options());
}

template <typename Body>
void for_rows(std::int64_t rows, const Body& body) {
  for_blocks((rows + kRowBlock - 1) / kRowBlock, [&](std::int64_t block) {
    body(block * kRowBlock, std::min(kRowBlock, rows - block * kRowBlock));
  });
}

// y's rows start as the shortcut, if there is one, and the product is added.
bool start_with(const Maybe& shortcut, std::int64_t at, std::int64_t count, float* y) {
  if (!shortcut) return false;
  std::copy_n(data_of(shortcut) + at, count, y + at);
  return true;
}

// The gradients of a layer's weight and, if it has one, bias.
std::pair<at::Tensor, at::Tensor> weight_and_bias(const at::Tensor& y_gradient, const at::Tensor& x,
                                                  const at::Tensor& weight, bool has_bias) {
  const std::int64_t out = weight.size(0), in = weight.size(1);
  const at::Tensor w = at::empty_like(weight);
  const at::Tensor b = has_bias ? at::empty({out}, weight.options()) : at::Tensor();
  weight_gradient(rows_of(x), out, in, data_of(y_gradient), data_of(x), w.data_ptr<float>(),
                  has_bias ? b.data_ptr<float>() : nullptr);
  return {w, b};
}

// What was added without a factor gets the whole gradient.
at::Tensor of_shortcut(AutogradContext* context, const at::Tensor& gradient) {
  return context->saved_data["shortcut"].toBool() ? gradient : at::Tensor();
}

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const Maybe& bias, const Maybe& shortcut) {
    const std::int64_t out = weight.size(0), in = weight.size(1);
    const at::Tensor y = like(x, out);
    const PackedWeight packed = PackedWeight::forward(data_of(weight), out, in);
    float* const results = y.data_ptr<float>();
    for_rows(rows_of(x), [&](std::int64_t row, std::int64_t rows) {
      const bool add = start_with(shortcut, row * out, rows * out, results);
      packed.multiply(rows, data_of(x) + row * in, data_of(bias), add, results + row * out);
    });
    context->save_for_backward({x, weight});
    context->saved_data["bias"] = bias.has_value();
    context->saved_data["shortcut"] = shortcut.has_value();
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], gradient = gradients[0].contiguous();
    const std::int64_t out = weight.size(0), in = weight.size(1);
    at::Tensor x_gradient, w_gradient, b_gradient;
    if (context->needs_input_grad(0)) {
      x_gradient = at::empty_like(x);
      const PackedWeight packed = PackedWeight::backward(data_of(weight), out, in);
      for_rows(rows_of(x), [&](std::int64_t row, std::int64_t rows) {
        packed.multiply(rows, data_of(gradient) + row * out, nullptr, false,
                        x_gradient.data_ptr<float>() + row * in);
      });
    }
    if (context->needs_input_grad(1))
      std::tie(w_gradient, b_gradient) =
          weight_and_bias(gradient, x, weight, context->saved_data["bias"].toBool());
    return {x_gradient, w_gradient, b_gradient, of_shortcut(context, gradient)};
  }
};

// Row blocks pass through both layers while they are in the cache. Of the hidden layer only
// its input is kept; the backward pass finds GELU's result on the way to its derivative.
struct GeluMlpFunction : torch::autograd::Function<GeluMlpFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& up,
                            const Maybe& up_bias, const at::Tensor& down, const Maybe& down_bias,
                            const Maybe& shortcut, bool keep) {
    const std::int64_t hidden = up.size(0), in = up.size(1), out = down.size(0);
    const at::Tensor y = like(x, out), inner = keep ? like(x, hidden) : at::Tensor();
    const PackedWeight first = PackedWeight::forward(data_of(up), hidden, in);
    const PackedWeight second = PackedWeight::forward(data_of(down), out, hidden);
    float* const results = y.data_ptr<float>();
    for_rows(rows_of(x), [&](std::int64_t row, std::int64_t rows) {
      std::vector<float> active(static_cast<std::size_t>(rows * hidden));
      float* const kept = keep ? inner.data_ptr<float>() + row * hidden : active.data();
      first.multiply(rows, data_of(x) + row * in, data_of(up_bias), false, kept);
      gelu(rows * hidden, kept, active.data());
      const bool add = start_with(shortcut, row * out, rows * out, results);
      second.multiply(rows, active.data(), data_of(down_bias), add, results + row * out);
    });
    context->save_for_backward({x, up, down, inner});
    context->saved_data["up_bias"] = up_bias.has_value();
    context->saved_data["down_bias"] = down_bias.has_value();
    context->saved_data["shortcut"] = shortcut.has_value();
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &up = saved[1], &down = saved[2], &inner = saved[3];
    const at::Tensor gradient = gradients[0].contiguous();
    const std::int64_t hidden = up.size(0), in = up.size(1), out = down.size(0);
    const std::int64_t rows = rows_of(x);
    const at::Tensor x_gradient = at::empty_like(x), inner_gradient = at::empty_like(inner);
    const at::Tensor active = at::empty_like(inner);
    const PackedWeight first = PackedWeight::backward(data_of(up), hidden, in);
    const PackedWeight second = PackedWeight::backward(data_of(down), out, hidden);
    for_rows(rows, [&](std::int64_t row, std::int64_t count) {
      float* const g = inner_gradient.data_ptr<float>() + row * hidden;
      second.multiply(count, data_of(gradient) + row * out, nullptr, false, g);
      gelu_backward(count * hidden, data_of(inner) + row * hidden, g, g,
                    active.data_ptr<float>() + row * hidden);
      first.multiply(count, g, nullptr, false, x_gradient.data_ptr<float>() + row * in);
    });
    const auto [up_gradient, up_bias_gradient] =
        weight_and_bias(inner_gradient, x, up, context->saved_data["up_bias"].toBool());
    const auto [down_gradient, down_bias_gradient] =
        weight_and_bias(gradient, active, down, context->saved_data["down_bias"].toBool());
    return {x_gradient,    up_gradient,        up_bias_gradient,
            down_gradient, down_bias_gradient, of_shortcut(context, gradient),
            at::Tensor()};
  }
};

struct LayerNormFunction : torch::autograd::Function<LayerNormFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, double epsilon) {
    const std::int64_t n = x.size(-1);
    const at::Tensor y = at::empty_like(x);
    const at::Tensor statistics = at::empty({2, rows_of(x)}, x.options());
    float* const mean = statistics.data_ptr<float>();
    float* const inverse = mean + rows_of(x);
    for_rows(rows_of(x), [&](std::int64_t row, std::int64_t rows) {
      stockpot::layer_norm(rows, n, data_of(x) + row * n, data_of(weight), data_of(bias),
                           static_cast<float>(epsilon), y.data_ptr<float>() + row * n, mean + row,
                           inverse + row);
    });
    context->save_for_backward({x, weight, statistics});
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], gradient = gradients[0].contiguous();
    const std::int64_t n = x.size(-1), rows = rows_of(x);
    const float* const mean = data_of(saved[2]);
    const at::Tensor x_gradient = at::empty_like(x);
    // Every block has sums of its own, which are added in the blocks' order.
    const std::int64_t blocks = (rows + kRowBlock - 1) / kRowBlock;
    std::vector<float> parts(static_cast<std::size_t>(blocks * 2 * n));
    for_rows(rows, [&](std::int64_t row, std::int64_t count) {
      float* const part = parts.data() + row / kRowBlock * 2 * n;
      layer_norm_backward(count, n, data_of(x) + row * n, data_of(weight), mean + row,
                          mean + rows + row, data_of(gradient) + row * n,
                          x_gradient.data_ptr<float>() + row * n, part, part + n);
    });
    const at::Tensor sums = at::empty({2, n}, x.options());
    add_parts(blocks, 2 * n, parts.data(), sums.data_ptr<float>());
    return {x_gradient, sums[0], sums[1], at::Tensor()};
  }
};

AttentionShape attention_shape(const at::Tensor& qkv, std::int64_t heads, std::int64_t queries) {
  const std::int64_t width = qkv.size(2) / 3;
  return {.images = qkv.size(0),
          .queries = queries,
          .tokens = qkv.size(1),
          .heads = heads,
          .head_size = width / heads,
          .in_row = 3 * width,
          .out_row = width,
          .scale = 1 / std::sqrt(static_cast<float>(width / heads))};
}

struct AttentionFunction : torch::autograd::Function<AttentionFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& qkv, std::int64_t heads,
                            std::int64_t queries) {
    const AttentionShape shape = attention_shape(qkv, heads, queries);
    const std::int64_t width = shape.out_row;
    const at::Tensor out = at::empty({shape.images, queries, width}, qkv.options());
    const at::Tensor log_sum = at::empty({shape.items(), queries}, qkv.options());
    const float* const q = data_of(qkv);
    for_blocks(shape.images, [&](std::int64_t image) {
      attention(shape, q, q + width, q + 2 * width, out.data_ptr<float>(),
                log_sum.data_ptr<float>(), image * heads, (image + 1) * heads);
    });
    context->save_for_backward({qkv, log_sum});
    context->saved_data["heads"] = heads;
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor gradient = gradients[0].contiguous();
    const std::int64_t heads = context->saved_data["heads"].toInt();
    const AttentionShape shape = attention_shape(saved[0], heads, gradient.size(1));
    const std::int64_t width = shape.out_row;
    const at::Tensor qkv_gradient = at::empty_like(saved[0]);
    const float* const q = data_of(saved[0]);
    float* const g = qkv_gradient.data_ptr<float>();
    for_blocks(shape.images, [&](std::int64_t image) {
      attention_backward(shape, q, q + width, q + 2 * width, data_of(saved[1]),
                         {data_of(gradient), g, g + width, g + 2 * width}, image * heads,
                         (image + 1) * heads);
    });
    return {qkv_gradient, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

bool fusable(const at::Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kFloat; }

at::Tensor fused_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                        const at::Tensor& shortcut) {
  return LinearFunction::apply(x.contiguous(), weight.contiguous(), maybe(bias), maybe(shortcut));
}

at::Tensor fused_gelu_mlp(const at::Tensor& x, const MlpWeights& weights,
                          const at::Tensor& shortcut) {
  return GeluMlpFunction::apply(x.contiguous(), weights.up.contiguous(), maybe(weights.up_bias),
                                weights.down.contiguous(), maybe(weights.down_bias),
                                maybe(shortcut), at::GradMode::is_enabled());
}

at::Tensor fused_layer_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            double epsilon) {
  return LayerNormFunction::apply(x.contiguous(), weight.contiguous(), bias.contiguous(), epsilon);
}

at::Tensor fused_attention(const at::Tensor& qkv, std::int64_t heads, std::int64_t queries) {
  return AttentionFunction::apply(qkv.contiguous(), heads, queries);
}

}  // namespace stockpot
