#include "stockpot/train/optimizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "stockpot/base/error.h"
#include "stockpot/kernels/optimizer.h"
#include "stockpot/model/blocks.h"
#include "stockpot/train/parameter_rules.h"

namespace stockpot {
namespace {

constexpr std::int64_t kGrain = 1 << 16;

std::span<float> span_of(const at::Tensor& flat, std::int64_t begin, std::int64_t end) {
  return {flat.data_ptr<float>() + begin, static_cast<std::size_t>(end - begin)};
}

// torch's formula: the 1e-6 keeps a zero gradient zero.
double clip_factor(double max_norm, double norm) {
  return max_norm > 0 ? std::min(1.0, max_norm / (norm + 1e-6)) : 1;
}

}  // namespace

FlatOptimizer::FlatOptimizer(const Classifier& model, const FitOptions& options)
    : options_(options),
      values_(model.flat_values().detach()),
      gradients_(model.flat_gradients().detach()) {
  if (options.optimizer == Optimizer::adafactor)
    adafactor_.emplace(model);
  else
    first_ = at::zeros_like(values_);
  if (options.optimizer == Optimizer::adamw) second_ = at::zeros_like(values_);

  // In the order of the flat buffers, without gaps.
  for (const Parameter& parameter : model.parameters()) {
    const ParameterRule rule = rule_of(parameter, model.blocks(), options);
    const std::int64_t begin = parameter.offset, end = begin + parameter.value.numel();
    if (groups_.empty() || groups_.back().rate != rule.rate ||
        groups_.back().first_epoch != rule.first_epoch)
      groups_.push_back({begin, begin, rule.rate, rule.first_epoch, 0, {}});
    Group& group = groups_.back();
    if (group.ranges.empty() || group.ranges.back().weight_decay != rule.weight_decay)
      group.ranges.push_back({begin, begin, rule.weight_decay, {}});
    group.end = group.ranges.back().end = end;
  }
  if (options.optimizer == Optimizer::adamw && has_fused_adamw(values_.device()))
    for (Group& group : groups_)
      for (Range& range : group.ranges) cut(range);
}

// One launch takes some 36 tensors and gives each a few blocks of threads: pieces keep the device
// busy.
void FlatOptimizer::cut(Range& range) const {
  constexpr std::int64_t kPieces = 32, kSmallest = 4096;
  const std::int64_t size = std::max(kSmallest, (range.end - range.begin + kPieces - 1) / kPieces);
  for (std::int64_t begin = range.begin; begin < range.end; begin += size) {
    const auto part = [&](const at::Tensor& flat) {
      return flat.slice(0, begin, std::min(begin + size, range.end));
    };
    range.parts.values.push_back(part(values_));
    range.parts.gradients.push_back(part(gradients_));
    range.parts.first.push_back(part(first_));
    range.parts.second.push_back(part(second_));
  }
}

at::Tensor FlatOptimizer::gradient_norm() const {
  if (!gradients_.device().is_cpu()) return gradients_.norm().to(at::kDouble);
  // Blocks of a fixed size, added in order: the same for any number of threads.
  constexpr std::int64_t kBlock = 1 << 18;
  const std::int64_t n = gradients_.numel();
  std::vector<double> sums(static_cast<std::size_t>((n + kBlock - 1) / kBlock));
  for_ranges(n, kBlock, [&](std::int64_t begin, std::int64_t end) {
    sums[static_cast<std::size_t>(begin / kBlock)] =
        sum_of_squares(span_of(gradients_, begin, end));
  });
  double sum = 0;
  for (const double part : sums) sum += part;
  return at::scalar_tensor(std::sqrt(sum), at::kDouble);
}

void FlatOptimizer::step(double learning_rate, const at::Tensor& gradient_norm) {
  if (learning_rate != 0 && options_.optimizer == Optimizer::adamw &&
      has_fused_adamw(values_.device()))
    return step_fused(learning_rate, gradient_norm);
  // Subtracting 0 would turn -0 into 0: then only the running means move.
  if (!values_.device().is_cpu() || (learning_rate == 0 && !adafactor_))
    return step_by_operators(learning_rate, gradient_norm);
  const double scale = clip_factor(options_.clip_norm, gradient_norm.item<double>());
  for (Group& group : groups_) {
    if (group.first_epoch > epoch_) continue;
    ++group.steps;
    step_group(group, learning_rate * group.rate, scale);
  }
}

void FlatOptimizer::step_group(const Group& group, double learning_rate, double gradient_scale) {
  if (adafactor_)
    return adafactor_->update(group.begin, group.end,
                              {learning_rate, options_.weight_decay, group.steps, gradient_scale},
                              values_, gradients_);
  if (options_.optimizer == Optimizer::sgd && options_.nesterov) {
    const at::NoGradGuard no_grad;
    if (gradient_scale != 1) gradients_.slice(0, group.begin, group.end).mul_(gradient_scale);
    return sgd(group, learning_rate);
  }
  for (const Range& range : group.ranges)
    for_ranges(range.end - range.begin, kGrain, [&](std::int64_t from, std::int64_t to) {
      const std::int64_t begin = range.begin + from, end = range.begin + to;
      const auto values = span_of(values_, begin, end), first = span_of(first_, begin, end);
      const auto gradients = span_of(gradients_, begin, end);
      if (options_.optimizer == Optimizer::adamw)
        AdamW{learning_rate,      options_.beta1, options_.beta2, options_.epsilon,
              range.weight_decay, group.steps,    gradient_scale}
            .update(values, gradients, first, span_of(second_, begin, end));
      else
        MomentumSgd{learning_rate, options_.momentum, range.weight_decay, gradient_scale}.update(
            values, gradients, first);
    });
}

void FlatOptimizer::step_fused(double learning_rate, const at::Tensor& gradient_norm) {
  const at::NoGradGuard no_grad;
  clip(gradient_norm);
  for (Group& group : groups_) {
    if (group.first_epoch > epoch_) continue;
    ++group.steps;
    if (group.rate == 0) {
      adamw(group, 0);
      continue;
    }
    for (const Range& range : group.ranges)
      fused_adamw({learning_rate * group.rate, options_.beta1, options_.beta2, options_.epsilon,
                   range.weight_decay, group.steps},
                  range.parts);
  }
}

// Without waiting for the device.
void FlatOptimizer::clip(const at::Tensor& gradient_norm) {
  if (options_.clip_norm > 0)
    gradients_.mul_((options_.clip_norm / (gradient_norm + 1e-6)).clamp_max(1.0));
}

void FlatOptimizer::step_by_operators(double learning_rate, const at::Tensor& gradient_norm) {
  const at::NoGradGuard no_grad;
  clip(gradient_norm);
  for (Group& group : groups_) {
    if (group.first_epoch > epoch_) continue;
    ++group.steps;
    step_group_by_operators(group, learning_rate * group.rate);
  }
}

void FlatOptimizer::step_group_by_operators(const Group& group, double learning_rate) {
  if (adafactor_) {
    const Adafactor::Step step{learning_rate, options_.weight_decay, group.steps, 1};
    adafactor_->update_by_operators(group.begin, group.end, step, values_, gradients_);
  } else if (options_.optimizer == Optimizer::adamw) {
    adamw(group, learning_rate);
  } else {
    sgd(group, learning_rate);
  }
}

// Loshchilov and Hutter 2019: the decay is decoupled from the moments.
void FlatOptimizer::adamw(const Group& group, double learning_rate) {
  const auto part = [&](const at::Tensor& flat) { return flat.slice(0, group.begin, group.end); };
  const at::Tensor gradients = part(gradients_), first = part(first_), second = part(second_);
  first.mul_(options_.beta1).add_(gradients, 1 - options_.beta1);
  second.mul_(options_.beta2).addcmul_(gradients, gradients, 1 - options_.beta2);
  if (learning_rate == 0) return;
  for (const Range& range : group.ranges)
    if (range.weight_decay != 0)
      values_.slice(0, range.begin, range.end).mul_(1 - learning_rate * range.weight_decay);
  const double correction1 = 1 - std::pow(options_.beta1, static_cast<double>(group.steps));
  const double correction2 = 1 - std::pow(options_.beta2, static_cast<double>(group.steps));
  const at::Tensor scale = second.sqrt().div_(std::sqrt(correction2)).add_(options_.epsilon);
  part(values_).addcdiv_(first, scale, -learning_rate / correction1);
}

void FlatOptimizer::sgd(const Group& group, double learning_rate) {
  const auto part = [&](const at::Tensor& flat) { return flat.slice(0, group.begin, group.end); };
  for (const Range& range : group.ranges)
    if (range.weight_decay != 0)
      gradients_.slice(0, range.begin, range.end)
          .add_(values_.slice(0, range.begin, range.end), range.weight_decay);
  // torch starts the momentum with the first gradient, which is momentum * 0 + gradient.
  part(first_).mul_(options_.momentum).add_(part(gradients_));
  if (options_.nesterov) part(gradients_).add_(part(first_), options_.momentum);
  if (learning_rate != 0)
    part(values_).add_(part(options_.nesterov ? gradients_ : first_), -learning_rate);
}

NamedTensors FlatOptimizer::tensors() const {
  NamedTensors all;
  if (first_.defined()) all.emplace_back("optimizer.first", first_);
  if (second_.defined()) all.emplace_back("optimizer.second", second_);
  if (adafactor_) all.emplace_back("optimizer.adafactor", adafactor_->state());
  return all;
}

Json FlatOptimizer::counts() const {
  Json counts = Json::array();
  for (const Group& group : groups_) counts.push(group.steps);
  return counts;
}

void FlatOptimizer::set_counts(const Json& counts) {
  if (counts.items().size() != groups_.size())
    throw FormatError("the optimizer's state has " + std::to_string(counts.items().size()) +
                      " groups of parameters, this run " + std::to_string(groups_.size()));
  for (std::size_t i = 0; i < groups_.size(); ++i)
    groups_[i].steps = counts.items()[i].as_integer();
}

}  // namespace stockpot
