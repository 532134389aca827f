#include "stockpot/train/optimizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "stockpot/kernels/optimizer.h"
#include "stockpot/model/blocks.h"

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
      gradients_(model.flat_gradients().detach()),
      first_(at::zeros_like(values_)) {
  if (options.optimizer == Optimizer::adamw) second_ = at::zeros_like(values_);
  std::vector<Range> ranges;
  for (const Parameter& parameter : model.parameters())
    ranges.push_back({parameter.offset, parameter.offset + parameter.value.numel(),
                      parameter.decay ? options.weight_decay : 0});
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return a.begin < b.begin; });
  for (const Range& range : ranges) {
    if (!ranges_.empty() && ranges_.back().end == range.begin &&
        ranges_.back().weight_decay == range.weight_decay)
      ranges_.back().end = range.end;
    else
      ranges_.push_back(range);
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
  // Subtracting 0 would turn -0 into 0: then only the running means move.
  if (!values_.device().is_cpu() || learning_rate == 0)
    return step_by_operators(learning_rate, gradient_norm);
  ++steps_;
  const double scale = clip_factor(options_.clip_norm, gradient_norm.item<double>());
  for (const Range& range : ranges_)
    for_ranges(range.end - range.begin, kGrain, [&](std::int64_t from, std::int64_t to) {
      const std::int64_t begin = range.begin + from, end = range.begin + to;
      const auto values = span_of(values_, begin, end), first = span_of(first_, begin, end);
      const auto gradients = span_of(gradients_, begin, end);
      if (options_.optimizer == Optimizer::adamw)
        AdamW{learning_rate,      options_.beta1, options_.beta2, options_.epsilon,
              range.weight_decay, steps_,         scale}
            .update(values, gradients, first, span_of(second_, begin, end));
      else
        MomentumSgd{learning_rate, options_.momentum, range.weight_decay, scale}.update(
            values, gradients, first);
    });
}

void FlatOptimizer::step_by_operators(double learning_rate, const at::Tensor& gradient_norm) {
  const at::NoGradGuard no_grad;
  ++steps_;
  // Without waiting for the device.
  if (options_.clip_norm > 0)
    gradients_.mul_((options_.clip_norm / (gradient_norm + 1e-6)).clamp_max(1.0));
  if (options_.optimizer == Optimizer::adamw)
    adamw(learning_rate);
  else
    sgd(learning_rate);
}

// Loshchilov and Hutter 2019: the decay is decoupled from the moments.
void FlatOptimizer::adamw(double learning_rate) {
  first_.mul_(options_.beta1).add_(gradients_, 1 - options_.beta1);
  second_.mul_(options_.beta2).addcmul_(gradients_, gradients_, 1 - options_.beta2);
  if (learning_rate == 0) return;
  for (const Range& range : ranges_)
    if (range.weight_decay != 0)
      values_.slice(0, range.begin, range.end).mul_(1 - learning_rate * range.weight_decay);
  const double correction1 = 1 - std::pow(options_.beta1, static_cast<double>(steps_));
  const double correction2 = 1 - std::pow(options_.beta2, static_cast<double>(steps_));
  const at::Tensor scale = second_.sqrt().div_(std::sqrt(correction2)).add_(options_.epsilon);
  values_.addcdiv_(first_, scale, -learning_rate / correction1);
}

void FlatOptimizer::sgd(double learning_rate) {
  for (const Range& range : ranges_)
    if (range.weight_decay != 0)
      gradients_.slice(0, range.begin, range.end)
          .add_(values_.slice(0, range.begin, range.end), range.weight_decay);
  // torch starts the momentum with the first gradient, which is momentum * 0 + gradient.
  first_.mul_(options_.momentum).add_(gradients_);
  if (learning_rate != 0) values_.add_(first_, -learning_rate);
}

}  // namespace stockpot
