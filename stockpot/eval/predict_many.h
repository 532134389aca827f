// predict() for several models in one pass over the pictures.
#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "stockpot/eval/feature_stream.h"

namespace stockpot {

// What predict() would say, from the batches of stream_features().
class StreamedPredictions {
 public:
  // wanted: of which models. Throws UsageError as predict() does.
  StreamedPredictions(std::span<const Classifier> models, const ImageDataset& set, bool bf16,
                      const std::vector<bool>& wanted);
  void add(const FeatureBatch& batch);
  // One a model, empty for those that are not wanted, when every batch was added.
  std::vector<std::optional<Predictions>> take() { return std::move(predictions_); }

 private:
  std::vector<std::optional<Predictions>> predictions_;
};

// One a model, empty for those that are not wanted, which see no picture. The models are on one
// device and prepare pictures alike. A GPU has all of them at work before it is waited for, and
// their pictures are prepared once. Throws UsageError as predict() does, and Interrupted.
std::vector<std::optional<Predictions>> predict_many(std::span<Classifier> models,
                                                     const ImageDataset& set,
                                                     const EvalOptions& options,
                                                     const std::vector<bool>& wanted);

}  // namespace stockpot
