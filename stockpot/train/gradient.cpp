#include "stockpot/train/gradient.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <vector>

#include "stockpot/base/random.h"
#include "stockpot/model/compat.h"

namespace stockpot {
namespace {

at::Tensor forward(const Classifier& model, const at::Tensor& images, bool bf16) {
  at::Tensor features;
  {
    const Autocast autocast(model.device(), bf16);
    features = model.features(images);
  }
  return model.head_logits(features.to(at::kFloat));
}

TrainingMode mode_of(const FitOptions& options, std::uint64_t seed) {
  return {options.batchnorm, seed, options.head_dropout, options.drop_path};
}

}  // namespace

BatchGradient::BatchGradient(const Classifier& model, const FitOptions& options)
    : options_(options) {
  if (options.l2_sp.backbone > 0 || options.l2_sp.head > 0)
    start_ = model.flat_values().detach().clone();
}

// Under live BatchNorm no part has a single row, which has no variance to divide by.
int BatchGradient::parts_of(const Classifier& model, std::int64_t rows) const {
  const bool live = model.has_batchnorm() && options_.batchnorm == BatchNorm::live;
  const std::int64_t most = std::max<std::int64_t>(1, live ? rows / 2 : rows);
  return static_cast<int>(std::min<std::int64_t>(options_.accumulation, most));
}

BatchResult BatchGradient::compute(Classifier& model, const TrainingBatch& batch,
                                   std::uint64_t seed) const {
  model.zero_gradients();
  const std::int64_t rows = batch.size(), parts = parts_of(model, rows);
  BatchResult result;
  std::vector<at::Tensor> logits;
  for (std::int64_t part = 0; part < parts; ++part) {
    const std::int64_t begin = part * rows / parts, end = (part + 1) * rows / parts;
    const TrainingBatch some = parts == 1 ? batch : batch.rows(begin, end);
    model.train(mode_of(options_, parts == 1 ? seed : seed + static_cast<std::uint64_t>(part)));
    logits.push_back(forward(model, some.images, options_.bf16));
    Loss loss = some.loss(logits.back().detach(), options_.label_smoothing);
    if (parts > 1) {
      const double share = static_cast<double>(end - begin) / static_cast<double>(rows);
      loss.gradient.mul_(share);
      loss.mean.mul_(share);
    }
    logits.back().backward(loss.gradient);
    logits.back() = logits.back().detach();
    result.loss = part == 0 ? loss.mean : result.loss + loss.mean;
  }
  result.logits = parts == 1 ? logits.front() : at::cat(logits);
  if (start_.defined()) add_penalty(model);
  return result;
}

// Only where there is training: a frozen parameter keeps a gradient of zero.
void BatchGradient::add_penalty(const Classifier& model) const {
  const c10::NoGradGuard no_grad;
  for (const Parameter& parameter : model.parameters()) {
    if (!parameter.value.requires_grad()) continue;
    const auto part = [&](const at::Tensor& flat) {
      return flat.narrow(0, parameter.offset, parameter.value.numel());
    };
    const at::Tensor values = part(model.flat_values()), gradients = part(model.flat_gradients());
    if (parameter.head)
      gradients.add_(values, options_.l2_sp.head);
    else
      gradients.add_(values - part(start_), options_.l2_sp.backbone);
  }
}

}  // namespace stockpot
