#include "cli/soup_batchnorm.h"

#include "cli/merge_work.h"
#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/checkpoint/checkpoint.h"
#include "stockpot/checkpoint/convert.h"
#include "stockpot/checkpoint/output_place.h"

namespace stockpot::cli {

SoupBatchNorm::SoupBatchNorm(std::vector<fs::path> ingredients, const ImageDataset* held_out,
                             const ImageDataset& pictures, at::Device device, bool bf16,
                             Progress& progress)
    : ingredients_(std::move(ingredients)),
      held_out_(held_out),
      pictures_(pictures),
      device_(device),
      bf16_(bf16),
      progress_(progress) {}

Mixtures SoupBatchNorm::mixtures(const std::string& policy) const {
  MixtureOptions options;
  options.device = device_;
  options.bf16 = bf16_;
  options.batchnorm = batchnorm_policy(policy);
  options.pictures = &pictures_;
  std::vector<NamedSet> sets;
  if (held_out_ != nullptr) sets.push_back({"held-out", SetRole::held_out, *held_out_});
  return Mixtures(ingredients_, std::move(sets), options, progress_);
}

std::vector<double> SoupBatchNorm::weights() const {
  return std::vector<double>(ingredients_.size(), 1 / static_cast<double>(ingredients_.size()));
}

const std::vector<BatchNormScore>& SoupBatchNorm::score(const std::vector<std::string>& policies) {
  for (const std::string& policy : policies) {
    progress_.status("the soup with BatchNorm's statistics by " + policy);
    const Predictions predictions = mixtures(policy).on(weights(), 0);
    scores_.push_back({policy, accuracy(predictions), negative_log_likelihood(predictions)});
  }
  return scores_;
}

const BatchNormScore& SoupBatchNorm::best() const {
  const BatchNormScore* best = &scores_.front();
  for (const BatchNormScore& score : scores_) {
    const std::int64_t here = score.held_out.correct, there = best->held_out.correct;
    if (here > there || (here == there && score.nll < best->nll)) best = &score;
  }
  return *best;
}

void SoupBatchNorm::save_recomputed(const fs::path& output, const OutputFlags& how) {
  Mixtures mixed = mixtures("recompute");
  save_model(mixed.model(weights()), output, how, progress_);
}

void save_model(const Classifier& model, const fs::path& output, const OutputFlags& how,
                Progress& progress) {
  const fs::path& source = model.folder().path;
  const Container usual = Checkpoint::open(source).format() == CheckpointFormat::safetensors
                              ? Container::safetensors
                              : Container::torch;
  const OutputPlace place = output_place(output, source, how.container(), how.overwrite, usual);
  const std::vector<OwnedTensor> tensors = model.state();
  std::vector<TensorView> views;
  for (const OwnedTensor& tensor : tensors) views.push_back(tensor.view());
  ConversionPlan plan;
  for (const TensorView& view : views) {
    const bool rounded = how.type() && row(view.dtype).floating;
    plan.outputs.push_back({view.name, rounded ? *how.type() : view.dtype, view.shape, {}});
    plan.sources.push_back(&view);
  }
  write_output(place, plan.outputs, how.options(),
               [&](CheckpointWriter& writer) { convert(plan, source, writer, progress); });
}

Json SoupBatchNorm::to_json() const {
  Json scores = Json::array();
  for (const BatchNormScore& score : scores_)
    scores.push(Json::object({{"policy", score.policy},
                              {"correct", score.held_out.correct},
                              {"total", score.held_out.total},
                              {"nll", score.nll}}));
  return Json::object({{"scores", std::move(scores)}, {"chosen", best().policy}});
}

std::string SoupBatchNorm::text() const {
  TextTable table({{"BatchNorm"}, {"held-out", true}, {"NLL", true}, {""}});
  for (const BatchNormScore& score : scores_)
    table.add({score.policy, fixed(100 * score.held_out.value(), 2), fixed(score.nll, 4),
               &score == &best() ? "taken" : ""});
  return table.text(80);
}

}  // namespace stockpot::cli
