// AdamW and SGD over the model's flat buffers: a step is one pass over memory.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "stockpot/train/fit.h"

namespace stockpot {

class FlatOptimizer {
 public:
  // Holds views of the model's flat buffers: the model must not move to another device or get
  // another head while this lives.
  FlatOptimizer(const Classifier& model, const FitOptions& options);

  // The norm of the whole gradient: one float64 on the model's device.
  at::Tensor gradient_norm() const;

  // Clips the gradients (torch.nn.utils.clip_grad_norm_) when options.clip_norm > 0, then makes
  // one step as torch.optim.AdamW or torch.optim.SGD. Weight decay is applied where
  // Parameter::decay says so. A learning rate of 0 changes no bit of the weights. On the CPU
  // the arithmetic is that of stockpot/kernels; results do not depend on the threads.
  void step(double learning_rate, const at::Tensor& gradient_norm);

  // The same by LibTorch's operators: any device, and the reference for the kernels.
  void step_by_operators(double learning_rate, const at::Tensor& gradient_norm);

 private:
  // A run of neighbours in the flat buffers that share their weight decay.
  struct Range {
    std::int64_t begin = 0, end = 0;
    double weight_decay = 0;
  };

  void adamw(double learning_rate);
  void sgd(double learning_rate);

  FitOptions options_;
  at::Tensor values_, gradients_;
  at::Tensor first_, second_;  // running means of the gradient (SGD: momentum) and its square
  std::vector<Range> ranges_;
  std::int64_t steps_ = 0;
};

}  // namespace stockpot
