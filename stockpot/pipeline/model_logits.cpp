#include "stockpot/pipeline/model_logits.h"

#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/text.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/eval/feature_cache.h"
#include "stockpot/pipeline/run_folder.h"
#include "stockpot/pipeline/stored_predictions.h"

namespace stockpot {

ModelLogits::ModelLogits(const std::vector<fs::path>& models, std::vector<NamedSet> sets,
                         const LogitsOptions& options, Progress& progress)
    : sets_(std::move(sets)),
      options_(options),
      progress_(progress),
      contents_(models.size()),
      keys_(models.size()) {
  for (const fs::path& path : models) {
    folders_.push_back(ModelFolder::open(path));
    require_same_labels(folders_.front(), folders_.back());
    open_weights(folders_.back());  // the tensors are those of the architecture
  }
}

// Of all sets.
const std::string& ModelLogits::pictures() {
  if (!pictures_.empty()) return pictures_;
  std::string text;
  for (const NamedSet& set : sets_) text += set.set.examples_hash() + '\n';
  return pictures_ = sha256(text);
}

const std::string& ModelLogits::model_content(std::size_t model) {
  std::string& content = contents_[model];
  if (content.empty()) {
    progress_.status("reading " + printable(folders_[model].path.string()));
    content = model_key(folders_[model]);
  }
  return content;
}

fs::path ModelLogits::file(std::size_t model, std::size_t set) {
  std::string& key = keys_[model];
  if (key.empty()) {
    const fs::path& path = folders_[model].path;
    // All that logits depend on: pictures of the same names are not the same pictures.
    key = file_name_for(path.string()) + "-" +
          sha256(model_content(model) + pictures() + (options_.bf16 ? "bf16" : "") +
                 (options_.device.is_cpu() ? "cpu" : "cuda"))
              .substr(0, 16);
  }
  return options_.folder / key / (file_name_for(sets_[set].name) + ".safetensors");
}

Predictions ModelLogits::computed(std::size_t model, std::size_t set) {
  if (!loaded_ || loaded_model_ != model) {
    loaded_ = Classifier::load(folders_[model]);
    loaded_->to(options_.device);
    loaded_model_ = model;
  }
  EvalOptions eval;
  eval.batch_size = options_.batch_size;
  eval.bf16 = options_.bf16;
  const std::string what =
      printable(folders_[model].path.string()) + " on " + printable(sets_[set].name) + ": ";
  eval.on_batch = [&](std::int64_t done, std::int64_t total) {
    progress_.status(what + grouped(done) + "/" + grouped(total));
  };
  return predict(*loaded_, sets_[set].set, eval);
}

Predictions ModelLogits::on(std::size_t model, std::size_t set) {
  if (options_.folder.empty()) {
    const auto place = kept_.find({model, set});
    if (place != kept_.end()) return place->second;
    return kept_[{model, set}] = computed(model, set);
  }
  const fs::path path = file(model, set);
  if (auto stored = stored_predictions(path, sets_[set].set)) return *stored;
  Predictions predictions = computed(model, set);
  predictions.model = model_content(model);
  store_predictions(path, predictions);
  return predictions;
}

}  // namespace stockpot
