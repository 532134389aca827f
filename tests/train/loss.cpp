#include "stockpot/train/loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "support.h"

namespace stockpot {
namespace {

TEST(SoftmaxLoss, IsTorchsCrossEntropyWithItsGradient) {
  for (const double smoothing : {0.0, 0.1, 1.0}) {
    const at::Tensor logits = (at::randn({7, 5}) * 4).requires_grad_(true);
    const at::Tensor labels = at::randint(5, {7}, at::kLong);
    const at::Tensor expected = at::cross_entropy_loss(logits, labels, {}, 1, -100, smoothing);
    expected.backward();
    for (const Loss& loss : {softmax_loss(logits.detach(), labels, smoothing),
                             softmax_loss_by_operators(logits.detach(), labels, smoothing)}) {
      EXPECT_LT(test::largest_difference(loss.mean, expected), 2e-6) << smoothing;
      EXPECT_LT(test::largest_difference(loss.gradient, logits.grad()), 1e-6) << smoothing;
    }
  }
}

}  // namespace
}  // namespace stockpot
