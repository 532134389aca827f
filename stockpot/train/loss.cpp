#include "stockpot/train/loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/log_softmax.h>

#include "stockpot/kernels/cross_entropy.h"

namespace stockpot {

Loss softmax_loss(const at::Tensor& logits, const at::Tensor& labels, double smoothing) {
  if (!logits.device().is_cpu()) return softmax_loss_by_operators(logits, labels, smoothing);
  const at::Tensor rows = logits.contiguous();
  const at::Tensor losses = at::empty({rows.size(0)}, rows.options());
  const at::Tensor gradient = at::empty_like(rows);
  cross_entropy(rows.size(0), rows.size(1), rows.data_ptr<float>(), labels.data_ptr<std::int64_t>(),
                static_cast<float>(smoothing), 1 / static_cast<float>(rows.size(0)),
                losses.data_ptr<float>(), gradient.data_ptr<float>());
  return {losses.mean(), gradient};
}

// Cross-entropy is linear in the target.
Loss mixed_softmax_loss(const at::Tensor& logits, const at::Tensor& labels,
                        const at::Tensor& others, const Shares& shares, double smoothing) {
  const Loss own = softmax_loss(logits, labels, smoothing);
  const Loss other = softmax_loss(logits, others, smoothing);
  return {own.mean * shares.own + other.mean * shares.other,
          own.gradient * shares.own + other.gradient * shares.other};
}

Loss softmax_loss_by_operators(const at::Tensor& logits, const at::Tensor& labels,
                               double smoothing) {
  const double n = static_cast<double>(logits.size(0));
  const double classes = static_cast<double>(logits.size(1));
  const at::Tensor log_probabilities = at::log_softmax(logits, 1);
  const at::Tensor target =
      at::full_like(logits, smoothing / classes)
          .scatter_(1, labels.unsqueeze(1), 1 - smoothing + smoothing / classes);
  return {-(target * log_probabilities).sum() / n, (log_probabilities.exp() - target) / n};
}

}  // namespace stockpot
