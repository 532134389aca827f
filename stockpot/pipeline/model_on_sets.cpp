#include "stockpot/pipeline/model_on_sets.h"

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/eval/feature_cache.h"

namespace stockpot {

Predictions ModelOnSets::on(const std::string& name, const ImageDataset& set) {
  const fs::path file = logits_file(run_, name);
  if (auto predictions = stored_predictions(file, set)) return *predictions;
  if (stop_requested()) throw Interrupted("stopped while evaluating");
  if (!model_) {
    const ModelFolder folder = ModelFolder::open(run_ / "model");
    key_ = model_key(folder);
    model_ = Classifier::load(folder);
    model_->to(context_.pretrained.device());
  }
  EvalOptions eval;
  eval.bf16 = context_.recipe.bf16;
  Predictions predictions = predict_ ? predict_(*model_, set) : predict(*model_, set, eval);
  predictions.model = key_;
  store_predictions(file, predictions);
  return predictions;
}

}  // namespace stockpot
