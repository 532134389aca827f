// What a model of a run says about a set: computed once, then read from its folder.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stockpot/metrics/predictions.h"
#include "stockpot/pipeline/stored_predictions.h"
#include "stockpot/pipeline/train_stage.h"

namespace stockpot {

inline constexpr const char* kHeldOutName = "val";  // the held-out set among the stored logits

class ModelOnSets {
 public:
  using Predict = std::function<Predictions(Classifier& model, const ImageDataset& set)>;
  // `run`: the folder that holds model/ and gets logits/. `predict`: a shorter way to the same
  // logits as the model's pass over the pictures.
  ModelOnSets(const TrainContext& context, fs::path run, Predict predict = {})
      : context_(context), run_(std::move(run)), predict_(std::move(predict)) {}

  // Stored logits are taken when they are of this very set. Throws Interrupted, WriteError.
  Predictions on(const std::string& name, const ImageDataset& set);

 private:
  const TrainContext& context_;
  fs::path run_;
  Predict predict_;
  std::optional<Classifier> model_;  // loaded when it is needed
  std::string key_ = {};             // of that model
};

// How many models of a run may see the pictures of a set in one pass, by their weights and logits.
std::size_t models_at_once(const TrainContext& context);

// Makes the logits that these runs have no file of, for many models in one pass over the pictures
// of a set. What is there is not looked into: ModelOnSets does. Throws Interrupted, WriteError.
void make_missing_logits(const TrainContext& context, const std::vector<fs::path>& runs,
                         const std::vector<std::pair<std::string, const ImageDataset*>>& sets);

}  // namespace stockpot
