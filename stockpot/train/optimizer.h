// AdamW, SGD and Adafactor over the model's flat buffers: a step is one pass over memory.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/model/compat.h"
#include "stockpot/train/adafactor.h"
#include "stockpot/train/fit_options.h"
#include "stockpot/train/named_tensors.h"

namespace stockpot {

class FlatOptimizer {
 public:
  // Holds views of the model's flat buffers: the model must not move to another device or get
  // another head while this lives. Rates, weight decay and freezing are those of
  // train/parameter_rules.h; epoch 1 is the start.
  FlatOptimizer(const Classifier& model, const FitOptions& options);

  // From here on the parameters of this epoch (1-based) are stepped. Moments and numbers of
  // steps of the others stay, as torch leaves those of parameters without a gradient.
  void start_epoch(int epoch) { epoch_ = epoch; }

  // The norm of the whole gradient: one float64 on the model's device.
  at::Tensor gradient_norm() const;

  // Clips the gradients (torch.nn.utils.clip_grad_norm_) when options.clip_norm > 0, then makes
  // one step as torch.optim.AdamW, torch.optim.SGD or transformers' Adafactor. Weight decay is
  // applied where Parameter::decay says so. A learning rate of 0 changes no bit of the weights.
  // On the CPU the arithmetic is that of stockpot/kernels; results do not depend on the threads. On
  // CUDA AdamW is one kernel where LibTorch has it.
  void step(double learning_rate, const at::Tensor& gradient_norm);

  // The same by LibTorch's operators: any device, and the reference for the kernels.
  void step_by_operators(double learning_rate, const at::Tensor& gradient_norm);

  // What a later step goes on from.
  NamedTensors tensors() const;
  Json counts() const;
  // Throws FormatError unless they are of an optimizer for the same parameters.
  void set_counts(const Json& counts);

 private:
  // A run of neighbours in the flat buffers that share their weight decay.
  struct Range {
    std::int64_t begin = 0, end = 0;
    double weight_decay = 0;
    AdamWParts parts;  // for fused_adamw()
  };
  // A run of ranges that share their rate and the epoch from which on they move.
  struct Group {
    std::int64_t begin = 0, end = 0;
    double rate = 1;
    int first_epoch = 1;
    std::int64_t steps = 0;
    std::vector<Range> ranges;
  };

  void clip(const at::Tensor& gradient_norm);
  void cut(Range& range) const;
  void step_fused(double learning_rate, const at::Tensor& gradient_norm);
  void step_group(const Group& group, double learning_rate, double gradient_scale);
  void step_group_by_operators(const Group& group, double learning_rate);
  void adamw(const Group& group, double learning_rate);
  void sgd(const Group& group, double learning_rate);

  FitOptions options_;
  at::Tensor values_, gradients_;
  at::Tensor first_, second_;  // running means of the gradient (SGD: momentum) and its square
  std::optional<Adafactor> adafactor_;
  std::vector<Group> groups_;
  int epoch_ = 1;
};

}  // namespace stockpot
