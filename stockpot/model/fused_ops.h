// Differentiable operators made of our own kernels, for float32 on the CPU. They give what the
// plain operators of LibTorch give, up to rounding, in less time: bias, activation and shortcut
// cost no pass of their own, and probabilities of attention never reach memory.
// Gradients of gradients are not provided.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace stockpot {

// Whether these operators take x: float32 on the CPU. Weights must be like x.
bool fusable(const at::Tensor& x);

// x W^T + bias (+ shortcut). x: ... x in, weight: out x in; bias and shortcut (of the result's
// shape) may be undefined.
at::Tensor fused_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                        const at::Tensor& shortcut = {});

// Two linear layers with exact GELU between them (+ shortcut).
struct MlpWeights {
  at::Tensor up, up_bias, down, down_bias;  // the biases may be undefined
};
at::Tensor fused_gelu_mlp(const at::Tensor& x, const MlpWeights& weights,
                          const at::Tensor& shortcut = {});

// Over the last dimension.
at::Tensor fused_layer_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            double epsilon);

// softmax(q k^T / sqrt(d)) v of each head, for the first `queries` tokens. qkv: N x tokens x
// (3 * width), queries before keys before values; the result: N x queries x width.
at::Tensor fused_attention(const at::Tensor& qkv, std::int64_t heads, std::int64_t queries);

// Convolution without bias, padded by half the kernel's (odd) size, for pictures of few pixels:
// see stockpot/kernels/convolution.h. x: N x in x H x W; weight: out x in x size x size.
at::Tensor fused_convolution(const at::Tensor& x, const at::Tensor& weight, std::int64_t stride);

// BatchNorm of x (N x C x H x W, channels last), then + shortcut unless undefined, then relu if
// asked. Live: by the statistics of the batch, which also update the running ones with momentum
// 0.1; otherwise by the running ones. While no gradients are recorded, x's memory is used for
// the result.
struct BatchNormTensors {
  at::Tensor weight, bias, running_mean, running_variance;
};
at::Tensor fused_batch_norm(const at::Tensor& x, const BatchNormTensors& norm, bool live,
                            const at::Tensor& shortcut, bool relu, double epsilon = 1e-5);

// Max pooling of x (N x C x H x W, channels last): window 3 x 3, stride 2, padding 1.
at::Tensor fused_max_pool(const at::Tensor& x);

}  // namespace stockpot
