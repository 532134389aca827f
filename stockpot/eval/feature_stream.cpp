#include "stockpot/eval/feature_stream.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <cassert>
#include <optional>
#include <tuple>
#include <utility>

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/data/batch.h"
#include "stockpot/model/compat.h"
#include "stockpot/model/input.h"

namespace stockpot {
namespace {

// The values in host memory, which `kept` keeps.
std::span<const float> on_host(const at::Tensor& tensor, std::vector<at::Tensor>& kept) {
  kept.push_back(tensor.to(at::kCPU, at::kFloat).contiguous());
  return {kept.back().data_ptr<float>(), static_cast<std::size_t>(kept.back().numel())};
}

}  // namespace

void stream_features(std::span<Classifier> models, const ImageDataset& set,
                     const EvalOptions& options,
                     const std::function<void(const FeatureBatch&)>& visit,
                     const StreamedParts& parts) {
  assert(!models.empty());
  const at::NoGradGuard no_grad;
  const Preprocessing& preprocessing = models.front().folder().preprocessing;
  for (Classifier& model : models) {
    assert(model.folder().preprocessing == preprocessing);
    model.evaluate();
  }
  BatchLoader loader(set, preprocessing, plan_of(options, models.front().device()));

  struct Made {
    std::vector<at::Tensor> features;             // by model
    std::vector<std::vector<at::Tensor>> layers;  // by model and layer
    std::vector<at::Tensor> logits;               // by model
  };
  const auto begin = [&](const Batch& batch) {
    const at::Tensor images = to_input(batch.pixels, batch.size, batch.height, batch.width,
                                       preprocessing, models.front().device());
    Made made;
    for (std::size_t m = 0; m < models.size(); ++m) {
      const Classifier& model = models[m];
      const bool wants_logits = !parts.logits.empty() && parts.logits[m];
      at::Tensor features;
      {
        const Autocast autocast(model.device(), options.bf16);
        if (parts.layers) {
          std::vector<at::Tensor> below;
          std::tie(features, below) = model.features_and_layers(images);
          made.layers.push_back(std::move(below));
        } else if (parts.features || wants_logits) {
          features = model.features(images);
        }
      }
      // In float32, as predict() does it.
      if (!parts.logits.empty())
        made.logits.push_back(wants_logits ? model.head_logits(features.to(at::kFloat))
                                           : at::empty({0}, at::kFloat));
      if (parts.features) made.features.push_back(std::move(features));
    }
    return made;
  };
  std::optional<Batch> batch = loader.next();
  Made made;
  if (batch) made = begin(*batch);
  for (std::int64_t done = 0; batch;) {
    if (stop_requested()) throw Interrupted("stopped while evaluating models");
    FeatureBatch out;
    out.labels = batch->labels;
    std::vector<at::Tensor> kept;
    for (const at::Tensor& features : made.features)
      out.features.push_back(on_host(features, kept));
    for (const std::vector<at::Tensor>& model : made.layers) {
      std::vector<LayerBatch>& all = out.layers.emplace_back();
      for (const at::Tensor& layer : model) all.push_back({on_host(layer, kept), layer.size(1)});
    }
    for (const at::Tensor& logits : made.logits) out.logits.push_back(on_host(logits, kept));
    // A GPU works on the next batch while this one is visited.
    std::optional<Batch> next = loader.next();
    if (next) made = begin(*next);
    visit(out);
    done += batch->size;
    if (options.on_batch) options.on_batch(done, set.size());
    batch = std::move(next);
  }
}

}  // namespace stockpot
