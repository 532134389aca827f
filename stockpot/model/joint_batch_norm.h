// Live BatchNorm when several ranks train on one batch, each on some of its rows.
#pragma once

#include <functional>
#include <memory>

#include "stockpot/model/fused_ops.h"

namespace stockpot {

struct JointBatch {
  // Adds up a vector over the ranks, in place: float64, one dimension. Every rank calls it equally
  // often, in forward and backward passes.
  std::function<void(const at::Tensor& flat)> sum;
  // This rank has no row of the batch: it goes along with one that counts for nothing.
  bool absent = false;
};

// BatchNorm of x (N x C x H x W, any device) by the statistics of the rows of all ranks, which
// also update the running ones (momentum kBatchNormMomentum). The gradients of weight and bias are
// of this rank's rows; that of x is of the loss of all ranks.
at::Tensor joint_batch_norm(const at::Tensor& x, const BatchNormTensors& norm,
                            const std::shared_ptr<JointBatch>& batch, double epsilon = 1e-5);

}  // namespace stockpot
