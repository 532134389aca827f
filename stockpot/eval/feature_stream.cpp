#include "stockpot/eval/feature_stream.h"

#include <ATen/core/grad_mode.h>

#include <cassert>
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
                     const std::function<void(const FeatureBatch&)>& visit, bool layers) {
  assert(!models.empty());
  const at::NoGradGuard no_grad;
  const Preprocessing& preprocessing = models.front().folder().preprocessing;
  for (Classifier& model : models) {
    assert(model.folder().preprocessing == preprocessing);
    model.evaluate();
  }
  BatchLoader loader(set, preprocessing, plan_of(options, models.front().device()));

  std::int64_t done = 0;
  while (const auto batch = loader.next()) {
    if (stop_requested()) throw Interrupted("stopped while evaluating models");
    FeatureBatch out;
    out.labels = batch->labels;
    std::vector<at::Tensor> kept;
    for (Classifier& model : models) {
      const at::Tensor images = to_input(batch->pixels, batch->size, batch->height, batch->width,
                                         preprocessing, model.device());
      std::pair<at::Tensor, std::vector<at::Tensor>> made;
      {
        const Autocast autocast(model.device(), options.bf16);
        if (layers)
          made = model.features_and_layers(images);
        else
          made.first = model.features(images);
      }
      out.features.push_back(on_host(made.first, kept));
      if (!layers) continue;
      std::vector<LayerBatch>& all = out.layers.emplace_back();
      for (const at::Tensor& layer : made.second)
        all.push_back({on_host(layer, kept), layer.size(1)});
    }
    visit(out);
    done += batch->size;
    if (options.on_batch) options.on_batch(done, set.size());
  }
}

}  // namespace stockpot
