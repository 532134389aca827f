#include "stockpot/eval/predict_many.h"

namespace stockpot {

StreamedPredictions::StreamedPredictions(std::span<const Classifier> models,
                                         const ImageDataset& set, bool bf16,
                                         const std::vector<bool>& wanted)
    : predictions_(models.size()) {
  for (std::size_t m = 0; m < models.size(); ++m)
    if (wanted[m]) predictions_[m] = without_logits(models[m], set, bf16);
}

void StreamedPredictions::add(const FeatureBatch& batch) {
  for (std::size_t m = 0; m < predictions_.size(); ++m)
    if (auto& one = predictions_[m])
      one->logits.insert(one->logits.end(), batch.logits[m].begin(), batch.logits[m].end());
}

std::vector<std::optional<Predictions>> predict_many(std::span<Classifier> models,
                                                     const ImageDataset& set,
                                                     const EvalOptions& options,
                                                     const std::vector<bool>& wanted) {
  StreamedPredictions predictions(models, set, options.bf16, wanted);
  stream_features(models, set, options, [&](const FeatureBatch& batch) { predictions.add(batch); },
                  {.features = false, .logits = wanted});
  return predictions.take();
}

}  // namespace stockpot
