#include "stockpot/pipeline/model_on_sets.h"

#include <algorithm>

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/base/text.h"
#include "stockpot/eval/feature_cache.h"
#include "stockpot/eval/predict_many.h"

namespace stockpot {
namespace {

constexpr std::int64_t kMostBytes = std::int64_t{2} << 30;

// A model of a run, and which sets it has no logits of.
struct Waiting {
  fs::path run;
  std::vector<bool> lacks;
};

}  // namespace

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

std::size_t models_at_once(const TrainContext& context) {
  std::int64_t numbers = 0, rows = context.data.held_out.set.size();
  for (const Parameter& parameter : context.pretrained.parameters())
    numbers += 2 * parameter.value.numel();  // with the gradient's buffer
  for (const TestSet& test : context.data.tests) rows = std::max(rows, test.set.size());
  numbers += rows * static_cast<std::int64_t>(context.data.train.classes().size());
  return static_cast<std::size_t>(std::max<std::int64_t>(1, kMostBytes / 4 / numbers));
}

void make_missing_logits(const TrainContext& context, const std::vector<fs::path>& runs,
                         const std::vector<std::pair<std::string, const ImageDataset*>>& sets) {
  std::vector<Waiting> waiting;
  for (const fs::path& run : runs) {
    Waiting one{run, {}};
    for (const auto& [name, set] : sets) one.lacks.push_back(!fs::exists(logits_file(run, name)));
    if (std::ranges::find(one.lacks, true) != one.lacks.end()) waiting.push_back(std::move(one));
  }
  const std::size_t most = models_at_once(context);
  for (std::size_t first = 0; first < waiting.size(); first += most) {
    std::vector<Classifier> models;
    std::vector<std::string> keys;
    for (std::size_t i = first; i < std::min(first + most, waiting.size()); ++i) {
      const ModelFolder folder = ModelFolder::open(waiting[i].run / "model");
      keys.push_back(model_key(folder));
      models.push_back(Classifier::load(folder));
      models.back().to(context.pretrained.device());
    }
    for (std::size_t s = 0; s < sets.size(); ++s) {
      std::vector<bool> wanted;
      for (std::size_t m = 0; m < models.size(); ++m) wanted.push_back(waiting[first + m].lacks[s]);
      const auto count = std::ranges::count(wanted, true);
      if (count == 0) continue;
      EvalOptions eval;
      eval.bf16 = context.recipe.bf16;
      eval.on_batch = [&](std::int64_t done, std::int64_t total) {
        context.progress.status(
            "evaluating " + std::to_string(count) + (count == 1 ? " model on " : " models on ") +
            printable(sets[s].first) + ": " + grouped(done) + "/" + grouped(total));
      };
      auto predictions = predict_many(models, *sets[s].second, eval, wanted);
      for (std::size_t m = 0; m < models.size(); ++m) {
        if (!predictions[m]) continue;
        predictions[m]->model = keys[m];
        store_predictions(logits_file(waiting[first + m].run, sets[s].first), *predictions[m]);
      }
    }
  }
}

}  // namespace stockpot
