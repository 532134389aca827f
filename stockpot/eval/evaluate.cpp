#include "stockpot/eval/evaluate.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/base/text.h"
#include "stockpot/data/batch.h"
#include "stockpot/eval/set_rows.h"
#include "stockpot/model/compat.h"
#include "stockpot/model/input.h"

namespace stockpot {

BatchPlan plan_of(const EvalOptions& options, at::Device device) {
  BatchPlan plan;
  plan.batch_size = options.batch_size;
  plan.loader_threads = loader_threads(options.loader_threads, device);
  return plan;
}

namespace {

// One row of `columns` numbers for every row of the set, in its order, float32 on the CPU.
at::Tensor forward_all(Classifier& model, const ImageDataset& set, const EvalOptions& options,
                       std::int64_t columns,
                       const std::function<at::Tensor(const at::Tensor& features)>& finish) {
  const at::NoGradGuard no_grad;
  model.evaluate();
  const Preprocessing& preprocessing = model.folder().preprocessing;
  BatchLoader loader(set, preprocessing, plan_of(options, model.device()));

  at::Tensor rows = at::empty({set.size(), columns}, at::kFloat);
  std::int64_t done = 0;
  while (const auto batch = loader.next()) {
    if (stop_requested()) throw Interrupted("stopped while evaluating a model");
    const at::Tensor images = to_input(batch->pixels, batch->size, batch->height, batch->width,
                                       preprocessing, model.device());
    at::Tensor features;
    {
      const Autocast autocast(model.device(), options.bf16);
      features = model.features(images);
    }
    // The head is small: in float32, so that autocast does not round the logits.
    rows.slice(0, done, done + batch->size).copy_(finish(features.to(at::kFloat)));
    done += batch->size;
    if (options.on_batch) options.on_batch(done, set.size());
  }
  return rows;
}

}  // namespace

Predictions without_logits(const Classifier& model, const ImageDataset& set, bool bf16) {
  if (model.labels().empty())
    throw UsageError(
        printable(model.folder().path.string()) +
        " is a backbone without a head, which says nothing about classes: train a head "
        "first, as 'stockpot probe' does");
  if (model.labels() != set.classes())
    throw UsageError("the model has " + std::to_string(model.labels().size()) +
                     " labels that are not the " + std::to_string(set.classes().size()) +
                     " classes of the images: load the set with the model's labels as its classes");
  Predictions predictions = set_rows(set);
  predictions.arithmetic = arithmetic_of(model.device(), bf16);
  return predictions;
}

std::string arithmetic_of(at::Device device, bool bf16) {
  if (device.is_cpu()) return "cpu";
  return bf16 ? "cuda bf16" : "cuda";
}

Predictions predict(Classifier& model, const ImageDataset& set, const EvalOptions& options) {
  Predictions predictions = without_logits(model, set, options.bf16);
  const at::Tensor logits =
      forward_all(model, set, options, predictions.classes,
                  [&](const at::Tensor& features) { return model.head_logits(features); });
  const float* first = logits.data_ptr<float>();
  predictions.logits.assign(first, first + logits.numel());
  return predictions;
}

Predictions predict_from_features(Classifier& model, const ImageDataset& set,
                                  const at::Tensor& features, const EvalOptions& options) {
  const at::NoGradGuard no_grad;
  model.evaluate();
  Predictions predictions = without_logits(model, set, options.bf16);
  for (std::int64_t begin = 0; begin < set.size(); begin += options.batch_size) {
    const std::int64_t end = std::min(set.size(), begin + options.batch_size);
    const at::Tensor logits =
        model.head_logits(features.slice(0, begin, end).to(model.device())).cpu().contiguous();
    const float* first = logits.data_ptr<float>();
    predictions.logits.insert(predictions.logits.end(), first, first + logits.numel());
  }
  return predictions;
}

at::Tensor extract_features(Classifier& model, const ImageDataset& set,
                            const EvalOptions& options) {
  return forward_all(model, set, options, model.folder().feature_size,
                     [](const at::Tensor& features) { return features; });
}

}  // namespace stockpot
