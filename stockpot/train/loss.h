// The training loss and its gradient.
#pragma once

#include <ATen/core/Tensor.h>

namespace stockpot {

struct Loss {
  at::Tensor mean;      // over the rows; one float32
  at::Tensor gradient;  // d mean / d logits: where the backward pass starts
};

// Cross-entropy against (1 - smoothing) one_hot + smoothing / classes, the mean over the rows,
// as torch.nn.functional.cross_entropy. logits: n x classes float32, without autograd;
// labels: n int64 on the same device. On the CPU one pass of stockpot/kernels.
Loss softmax_loss(const at::Tensor& logits, const at::Tensor& labels, double smoothing);

// How much of a target is a row's own label and how much its partner's: one float32 each, on the
// device, where a recorded step finds those of its batch.
struct Shares {
  at::Tensor own, other;
};

// Cross-entropy against shares.own times the smoothed target of `labels` plus shares.other times
// that of `others` (timm's mixup_target and SoftTargetCrossEntropy).
Loss mixed_softmax_loss(const at::Tensor& logits, const at::Tensor& labels,
                        const at::Tensor& others, const Shares& shares, double smoothing);

// softmax_loss by LibTorch's operators: any device, and the reference for the kernel.
Loss softmax_loss_by_operators(const at::Tensor& logits, const at::Tensor& labels,
                               double smoothing);

}  // namespace stockpot
