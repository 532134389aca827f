#include "stockpot/model/layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/thnn_conv2d.h>

#include <cmath>
#include <vector>

#include "stockpot/model/compat.h"
#include "stockpot/model/fused_ops.h"
#include "stockpot/model/joint_batch_norm.h"

namespace stockpot {
namespace {

at::Tensor activate(const std::string& activation, const at::Tensor& x) {
  if (activation == "gelu") return at::gelu(x);
  if (activation == "gelu_new") return at::gelu(x, "tanh");
  if (activation == "quick_gelu") return x * at::sigmoid(x * 1.702);
  return at::relu(x);
}

bool drops(const Residual& residual, const Mode& mode) {
  return mode.dropout.defined() && (residual.dropout > 0 || residual.drop_path > 0);
}

at::Tensor add(const Residual& residual, const at::Tensor& result, const Mode& mode) {
  return residual.shortcut +
         drop_path(dropout(result, residual.dropout, mode), residual.drop_path, mode);
}

// Undefined when the checkpoint has none.
at::Tensor bias_of(const TensorTable& table, const std::string& name) {
  return table.contains(name + ".bias") ? table[name + ".bias"] : at::Tensor();
}

}  // namespace

at::Tensor linear(const TensorTable& table, const std::string& name, const at::Tensor& x) {
  return linear(x, table[name + ".weight"], bias_of(table, name));
}

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (fusable(x)) return fused_linear(x, weight, bias);
  return bias.defined() ? at::linear(x, weight, bias) : at::linear(x, weight);
}

at::Tensor linear(const TensorTable& table, const std::string& name, const at::Tensor& x,
                  const Residual& residual, const Mode& mode) {
  if (fusable(x) && !drops(residual, mode))
    return fused_linear(x, table[name + ".weight"], bias_of(table, name), residual.shortcut);
  return add(residual, linear(table, name, x), mode);
}

at::Tensor layer_norm(const TensorTable& table, const std::string& name, const at::Tensor& x,
                      double epsilon) {
  if (fusable(x))
    return fused_layer_norm(x, table[name + ".weight"], table[name + ".bias"], epsilon);
  return at::layer_norm(x, {x.size(-1)}, table[name + ".weight"], table[name + ".bias"], epsilon);
}

at::Tensor mlp(const TensorTable& table, const Mlp& layer, const at::Tensor& x,
               const Residual& residual, const Mode& mode) {
  if (layer.activation == "gelu" && fusable(x)) {
    const MlpWeights weights{table[layer.up + ".weight"], bias_of(table, layer.up),
                             table[layer.down + ".weight"], bias_of(table, layer.down)};
    return drops(residual, mode) ? add(residual, fused_gelu_mlp(x, weights), mode)
                                 : fused_gelu_mlp(x, weights, residual.shortcut);
  }
  const at::Tensor inner = activate(layer.activation, linear(table, layer.up, x));
  return linear(table, layer.down, inner, residual, mode);
}

at::Tensor self_attention(const TensorTable& table, const std::string& name, const at::Tensor& x,
                          std::int64_t heads, std::int64_t queries, double dropout_probability,
                          const Mode& mode) {
  const std::int64_t batch = x.size(0), tokens = x.size(1), width = x.size(2);
  const at::Tensor stacked = linear(table, name, x);
  const bool drop = mode.dropout.defined() && dropout_probability > 0;
  if (fusable(x) && !drop) return fused_attention(stacked, heads, queries);
  // N x tokens x 3 x heads x d -> three of N x heads x tokens x d
  const std::vector<at::Tensor> qkv =
      stacked.view({batch, tokens, 3, heads, width / heads}).permute({2, 0, 3, 1, 4}).unbind(0);
  const at::Tensor q = qkv[0].narrow(2, 0, queries), k = qkv[1], v = qkv[2];
  at::Tensor mixed;
  if (drop) {
    const double scale = 1 / std::sqrt(static_cast<double>(width / heads));
    const at::Tensor probabilities = at::softmax(at::matmul(q * scale, k.transpose(-2, -1)), -1);
    mixed = at::matmul(dropout(probabilities, dropout_probability, mode), v);
  } else {
    mixed = scaled_dot_product(q, k, v);
  }
  return mixed.transpose(1, 2).reshape({batch, queries, width});
}

namespace {

// Ones with this probability, else zeros, in the shape of a tensor whose first dimension is the
// rows.
at::Tensor draw(const at::Tensor& like, double keep, const Mode& mode) {
  if (!mode.positions.defined()) return at::empty_like(like).bernoulli_(keep, mode.dropout);
  std::vector<std::int64_t> shape = like.sizes().vec();
  shape[0] = mode.batch_rows;
  return at::empty(shape, like.options())
      .bernoulli_(keep, mode.dropout)
      .index_select(0, mode.positions);
}

}  // namespace

at::Tensor dropout(const at::Tensor& x, double probability, const Mode& mode) {
  if (!mode.dropout.defined() || probability == 0) return x;
  const double keep = 1 - probability;
  return x * draw(x, keep, mode).div_(keep);
}

at::Tensor drop_path(const at::Tensor& x, double probability, const Mode& mode) {
  if (!mode.dropout.defined() || probability == 0) return x;
  const double keep = 1 - probability;
  std::vector<std::int64_t> one_each(static_cast<std::size_t>(x.dim()), 1);
  one_each[0] = x.size(0);
  const at::Tensor kept = draw(at::empty(one_each, x.options()), keep, mode);
  return x * (keep > 0 ? kept.div_(keep) : kept);
}

namespace {

// Up to so many pixels our own convolution is faster than oneDNN's, which multiplies by the
// padding as well. (64 pixels: no difference.)
constexpr std::int64_t kFewPixels = 16;

// oneDNN 2.6, which LibTorch 1.13 uses, writes past its buffers in the channels_last weight
// gradient when the channels are no multiple of 16, the batch is odd and there are several
// threads (seen with AVX-512: 4 to 8 channels, batches of 3, 5 and 7). LibTorch's own
// convolution serves these small layers.
at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, std::int64_t stride,
                    std::int64_t padding) {
  if (fusable(x) && x.size(2) * x.size(3) <= kFewPixels)
    return fused_convolution(x, weight, stride);
  if (x.is_cpu() && weight.size(0) % 16 != 0)
    return at::thnn_conv2d(x, weight, {weight.size(2), weight.size(3)}, {}, {stride, stride},
                           {padding, padding});
  return at::conv2d(x, weight, {}, stride, padding);
}

at::Tensor convolve_and_normalise(const TensorTable& table, const ConvNorm& layer,
                                  const at::Tensor& x, const Mode& mode, const at::Tensor& shortcut,
                                  bool relu) {
  const at::Tensor& weight = table[layer.convolution + ".weight"];
  const std::int64_t padding = weight.size(2) / 2;
  const at::Tensor y = convolve(x, weight, layer.stride, padding);
  if (mode.batch_statistics) table[layer.norm + ".num_batches_tracked"].add_(1);
  const BatchNormTensors norm{table[layer.norm + ".weight"], table[layer.norm + ".bias"],
                              table[layer.norm + ".running_mean"],
                              table[layer.norm + ".running_var"]};
  const bool joint = mode.batch_statistics && mode.joint;
  if (!joint && fusable(y)) return fused_batch_norm(y, norm, mode.batch_statistics, shortcut, relu);
  const at::Tensor normal =
      joint ? joint_batch_norm(y, norm, mode.joint)
            : at::batch_norm(y, norm.weight, norm.bias, norm.running_mean, norm.running_variance,
                             mode.batch_statistics, kBatchNormMomentum, 1e-5,
                             /*cudnn_enabled=*/true);
  // Changed in place: BatchNorm's backward needs its input, not its output.
  if (shortcut.defined()) normal.add_(shortcut);
  return relu ? normal.relu_() : normal;
}

}  // namespace

at::Tensor conv_bn(const TensorTable& table, const ConvNorm& layer, const at::Tensor& x,
                   const Mode& mode) {
  return convolve_and_normalise(table, layer, x, mode, {}, false);
}

at::Tensor conv_bn_relu(const TensorTable& table, const ConvNorm& layer, const at::Tensor& x,
                        const Mode& mode) {
  return convolve_and_normalise(table, layer, x, mode, {}, true);
}

at::Tensor conv_bn_add_relu(const TensorTable& table, const ConvNorm& layer, const at::Tensor& x,
                            const Residual& residual, const Mode& mode) {
  if (drops(residual, mode)) return add(residual, conv_bn(table, layer, x, mode), mode).relu_();
  return convolve_and_normalise(table, layer, x, mode, residual.shortcut, true);
}

at::Tensor max_pool(const at::Tensor& x) {
  return fusable(x) ? fused_max_pool(x) : at::max_pool2d(x, 3, 2, 1);
}

}  // namespace stockpot
