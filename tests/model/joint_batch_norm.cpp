// BatchNorm over the rows of several ranks, against BatchNorm of all rows in one tensor.
#include "stockpot/model/joint_batch_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "stockpot/model/network.h"

namespace stockpot {
namespace {

constexpr std::int64_t kChannels = 5;

struct Layer {
  BatchNormTensors norm{at::randn({kChannels}).requires_grad_(),
                        at::randn({kChannels}).requires_grad_(), at::randn({kChannels}),
                        at::ones({kChannels})};
  Layer copy() const {
    Layer other;
    other.norm = {norm.weight.detach().clone().requires_grad_(),
                  norm.bias.detach().clone().requires_grad_(), norm.running_mean.clone(),
                  norm.running_variance.clone()};
    return other;
  }
};

double apart(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

// Both ranks have the same rows, so that the sums over them are twice what this one brings.
TEST(JointBatchNorm, IsBatchNormOfAllRanksRows) {
  const Layer layer, twin = layer.copy();
  const at::Tensor x = at::randn({3, kChannels, 4, 6}) * 2 + 30,
                   g = at::randn({3, kChannels, 4, 6});
  const at::Tensor half = x.clone().requires_grad_(), whole = at::cat({x, x}).requires_grad_();
  const auto batch = std::make_shared<JointBatch>();
  batch->sum = [](const at::Tensor& flat) { flat.mul_(2); };
  const at::Tensor y = joint_batch_norm(half, layer.norm, batch);
  const at::Tensor wanted = at::batch_norm(
      whole, twin.norm.weight, twin.norm.bias, twin.norm.running_mean, twin.norm.running_variance,
      /*training=*/true, kBatchNormMomentum, 1e-5, /*cudnn_enabled=*/false);
  y.backward(g);
  wanted.backward(at::cat({g, g}));
  EXPECT_LT(apart(y, wanted.narrow(0, 0, 3)), 1e-5);
  EXPECT_LT(apart(half.grad(), whole.grad().narrow(0, 0, 3)), 1e-5);
  // This rank's share of the gradients: the ranks add them up afterwards.
  EXPECT_LT(apart(layer.norm.weight.grad() * 2, twin.norm.weight.grad()), 1e-4);
  EXPECT_LT(apart(layer.norm.bias.grad() * 2, twin.norm.bias.grad()), 1e-4);
  EXPECT_LT(apart(layer.norm.running_mean, twin.norm.running_mean), 1e-5);
  EXPECT_LT(apart(layer.norm.running_variance, twin.norm.running_variance), 1e-5);
}

TEST(JointBatchNorm, ARankWithoutRowsCountsForNothing) {
  const Layer layer, present = layer.copy();
  const at::Tensor x = at::randn({3, kChannels, 4, 6}), g = at::randn({3, kChannels, 4, 6});
  std::vector<at::Tensor> sums;  // what the rank with rows brings: forward, backward
  const auto with_rows = std::make_shared<JointBatch>();
  with_rows->sum = [&](const at::Tensor& flat) { sums.push_back(flat.clone()); };
  joint_batch_norm(x.clone().requires_grad_(), present.norm, with_rows).backward(g);
  ASSERT_EQ(sums.size(), 2u);
  const auto without = std::make_shared<JointBatch>();
  without->absent = true;
  std::size_t calls = 0;
  without->sum = [&](const at::Tensor& flat) {
    EXPECT_EQ(flat.abs().max().item<double>(), 0);
    flat.add_(sums[calls++]);
  };
  const at::Tensor ghost = at::zeros({1, kChannels, 4, 6}).requires_grad_();
  joint_batch_norm(ghost, layer.norm, without).backward(at::zeros({1, kChannels, 4, 6}));
  EXPECT_EQ(calls, 2u);
  EXPECT_EQ(ghost.grad().abs().max().item<double>(), 0);
  EXPECT_EQ(layer.norm.weight.grad().abs().max().item<double>(), 0);
  EXPECT_EQ(apart(layer.norm.running_mean, present.norm.running_mean), 0);
  EXPECT_EQ(apart(layer.norm.running_variance, present.norm.running_variance), 0);
}

}  // namespace
}  // namespace stockpot
