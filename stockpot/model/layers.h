// The building blocks of the networks, as functions. A block finds its tensors in the table
// by `name`, the prefix that they share in the checkpoint: name + ".weight", ".bias".
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "stockpot/model/network.h"

namespace stockpot {

// x: ... x in; the result: ... x out. The bias is left out when the checkpoint has none.
at::Tensor linear(const TensorTable& table, const std::string& name, const at::Tensor& x);
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

// What a block of a transformer does with its result: shortcut + drop_path(dropout(result)).
struct Residual {
  at::Tensor shortcut;
  double dropout = 0, drop_path = 0;
};
at::Tensor linear(const TensorTable& table, const std::string& name, const at::Tensor& x,
                  const Residual& residual, const Mode& mode);

// Over the last dimension.
at::Tensor layer_norm(const TensorTable& table, const std::string& name, const at::Tensor& x,
                      double epsilon);

// act(x W1 + b1) W2 + b2 with transformers' name for the activation: gelu, gelu_new,
// quick_gelu or relu.
struct Mlp {
  std::string up, down;  // names
  std::string activation;
};
at::Tensor mlp(const TensorTable& table, const Mlp& layer, const at::Tensor& x,
               const Residual& residual, const Mode& mode);

// Multi-head self-attention of the first `queries` tokens to all tokens, before the output
// projection. x: N x tokens x width; `name` holds the stacked weights of query, key and
// value; the result: N x queries x width.
at::Tensor self_attention(const TensorTable& table, const std::string& name, const at::Tensor& x,
                          std::int64_t heads, std::int64_t queries, double dropout_probability,
                          const Mode& mode);

// Zeroes entries with this probability and scales up the rest; x itself when the mode has
// no dropout or the probability is 0.
at::Tensor dropout(const at::Tensor& x, double probability, const Mode& mode);

// Zeroes whole images (the first dimension) with this probability and scales up the rest; x
// itself when the mode has no dropout or the probability is 0.
at::Tensor drop_path(const at::Tensor& x, double probability, const Mode& mode);

// A square convolution without bias, padded by half its size, then BatchNorm (momentum 0.1,
// epsilon 1e-5). x: N x C x H x W.
struct ConvNorm {
  std::string convolution, norm;  // names
  std::int64_t stride = 1;
};
at::Tensor conv_bn(const TensorTable& table, const ConvNorm& layer, const at::Tensor& x,
                   const Mode& mode);
at::Tensor conv_bn_relu(const TensorTable& table, const ConvNorm& layer, const at::Tensor& x,
                        const Mode& mode);
// relu(drop_path(conv_bn(x)) + shortcut): the end of a residual block.
at::Tensor conv_bn_add_relu(const TensorTable& table, const ConvNorm& layer, const at::Tensor& x,
                            const Residual& residual, const Mode& mode);

// Max pooling: window 3 x 3, stride 2, padding 1.
at::Tensor max_pool(const at::Tensor& x);

}  // namespace stockpot
