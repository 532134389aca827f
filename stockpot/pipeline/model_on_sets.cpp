#include "stockpot/pipeline/model_on_sets.h"

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/eval/evaluate.h"

namespace stockpot {

std::optional<Predictions> stored_predictions(const fs::path& file, const ImageDataset& set) {
  std::error_code error;
  if (!fs::exists(file, error)) return std::nullopt;
  Predictions predictions = read_predictions(file);
  bool same = predictions.rows() == set.size() && predictions.class_names == set.classes();
  for (std::int64_t i = 0; same && i < set.size(); ++i)
    same = predictions.ids[static_cast<std::size_t>(i)] == set.id(i) &&
           predictions.labels[static_cast<std::size_t>(i)] == set.label(i);
  if (!same) return std::nullopt;
  return predictions;
}

Predictions ModelOnSets::on(const std::string& name, const ImageDataset& set) {
  const fs::path file = logits_file(run_, name);
  if (auto predictions = stored_predictions(file, set)) return *predictions;
  if (stop_requested()) throw Interrupted("stopped while evaluating");
  if (!model_) {
    model_ = Classifier::load(ModelFolder::open(run_ / "model"));
    model_->to(context_.pretrained.device());
  }
  EvalOptions eval;
  eval.bf16 = context_.recipe.bf16;
  const Predictions predictions = predict_ ? predict_(*model_, set) : predict(*model_, set, eval);
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error) throw WriteError(file.parent_path(), "create", error.value());
  write_predictions(file, predictions);
  return predictions;
}

}  // namespace stockpot
