#include "stockpot/eval/feature_stream.h"

#include <ATen/core/grad_mode.h>

#include <cassert>

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/data/batch.h"
#include "stockpot/model/compat.h"
#include "stockpot/model/input.h"

namespace stockpot {

void stream_features(std::span<Classifier> models, const ImageDataset& set,
                     const EvalOptions& options,
                     const std::function<void(const FeatureBatch&)>& visit) {
  assert(!models.empty());
  const at::NoGradGuard no_grad;
  const Preprocessing& preprocessing = models.front().folder().preprocessing;
  for (Classifier& model : models) {
    assert(model.folder().preprocessing == preprocessing);
    model.evaluate();
  }
  BatchPlan plan;
  plan.batch_size = options.batch_size;
  plan.loader_threads = options.loader_threads;
  BatchLoader loader(set, preprocessing, plan);

  std::int64_t done = 0;
  while (const auto batch = loader.next()) {
    if (stop_requested()) throw Interrupted("stopped while evaluating models");
    FeatureBatch out;
    out.labels = batch->labels;
    std::vector<at::Tensor> kept;
    for (Classifier& model : models) {
      const at::Tensor images = to_input(batch->pixels, batch->size, batch->height, batch->width,
                                         preprocessing, model.device());
      at::Tensor features;
      {
        const Autocast autocast(model.device(), options.bf16);
        features = model.features(images);
      }
      kept.push_back(features.to(at::kCPU, at::kFloat).contiguous());
      out.features.emplace_back(kept.back().data_ptr<float>(),
                                static_cast<std::size_t>(kept.back().numel()));
    }
    visit(out);
    done += batch->size;
    if (options.on_batch) options.on_batch(done, set.size());
  }
}

}  // namespace stockpot
