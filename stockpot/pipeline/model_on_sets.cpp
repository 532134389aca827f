#include "stockpot/pipeline/model_on_sets.h"

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/eval/feature_cache.h"

namespace stockpot {

std::optional<Predictions> stored_predictions(const fs::path& file, const ImageDataset& set) {
  std::error_code error;
  if (!fs::exists(file, error)) return std::nullopt;
  Predictions predictions = read_predictions(file);
  const auto rows = static_cast<std::size_t>(set.size());
  bool same = predictions.examples == set.examples_hash() && predictions.ids.size() == rows &&
              predictions.groups.size() == rows && predictions.group_names == set.groups();
  for (std::size_t i = 0; same && i < rows; ++i) {
    const auto row = static_cast<std::int64_t>(i);
    same = predictions.ids[i] == set.id(row) && predictions.groups[i] == set.group(row) &&
           predictions.labels[i] == set.label(row);
  }
  if (!same) return std::nullopt;
  return predictions;
}

void store_predictions(const fs::path& file, const Predictions& predictions) {
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error) throw WriteError(file.parent_path(), "create", error.value());
  write_predictions(file, predictions);
}

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
