// What a model of a run says about a set: computed once, then read from its folder.
#pragma once

#include <optional>
#include <string>

#include "stockpot/metrics/predictions.h"
#include "stockpot/pipeline/train_stage.h"

namespace stockpot {

inline constexpr const char* kHeldOutName = "val";  // the held-out set among the stored logits

class ModelOnSets {
 public:
  // `run`: the folder that holds model/ and gets logits/.
  ModelOnSets(const TrainContext& context, fs::path run)
      : context_(context), run_(std::move(run)) {}

  // Stored logits are taken when they are of this very set. Throws Interrupted, WriteError.
  Predictions on(const std::string& name, const ImageDataset& set);

 private:
  const TrainContext& context_;
  fs::path run_;
  std::optional<Classifier> model_;  // loaded when it is needed
};

}  // namespace stockpot
