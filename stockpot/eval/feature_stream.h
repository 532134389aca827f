// Features of one set by several models at once, batch by batch: nothing of size n is kept.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "stockpot/eval/evaluate.h"

namespace stockpot {

// Of one layer: n x width, float32.
struct LayerBatch {
  std::span<const float> values;
  std::int64_t width = 0;
};

struct FeatureBatch {
  std::span<const std::int64_t> labels;  // n
  // What is asked for. One a model, n x feature_size, float32; by model and layer
  // (Classifier::features_and_layers); one a model, n x classes, as predict() has them, empty
  // where they are not asked for.
  std::vector<std::span<const float>> features;
  std::vector<std::vector<LayerBatch>> layers;
  std::vector<std::span<const float>> logits;
};

// A model of which nothing is asked sees no picture.
struct StreamedParts {
  bool features = true;
  bool layers = false;
  std::vector<bool> logits = {};  // of which models; empty: of none
};

// Calls `visit` with every batch in the set's order; what it is given lives as long as the call.
// The pictures go through each model as evaluation does. All models must prepare pictures alike and
// be on one device, which works on the next batch meanwhile.
void stream_features(std::span<Classifier> models, const ImageDataset& set,
                     const EvalOptions& options,
                     const std::function<void(const FeatureBatch&)>& visit,
                     const StreamedParts& parts = {});

}  // namespace stockpot
