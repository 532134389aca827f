#include "stockpot/pipeline/training_options.h"

#include <algorithm>
#include <cmath>

namespace stockpot {
namespace {

Optimizer optimizer_of(const TrainSettings& settings) {
  if (settings.optimizer == "adafactor") return Optimizer::adafactor;
  // SAM is a way to take SGD's gradient.
  return settings.optimizer == "adamw" ? Optimizer::adamw : Optimizer::sgd;
}

Schedule schedule_of(const std::string& name) {
  if (name == "linear") return Schedule::linear;
  if (name == "step") return Schedule::step;
  return name == "constant" ? Schedule::constant : Schedule::cosine;
}

// As a share of all steps. The loop rounds share * steps up, so that half a step less than a
// whole number is safe from the rounding of the quotient.
double warmup_of(const TrainSettings& settings, std::int64_t rows, std::int64_t step_rows) {
  const auto epochs = static_cast<double>(std::max<std::int64_t>(1, settings.epochs));
  if (settings.warmup_epochs > 0) return std::min(1.0, settings.warmup_epochs / epochs);
  if (settings.warmup_steps == 0) return settings.warmup;
  const double steps =
      epochs * std::ceil(static_cast<double>(rows) / static_cast<double>(step_rows));
  return std::min(1.0, (static_cast<double>(settings.warmup_steps) - 0.5) / std::max(1.0, steps));
}

Freezing freezing_of(const TrainSettings& settings, int blocks) {
  Freezing freezing;
  freezing.blocks = static_cast<int>(settings.trained_layers);
  if (settings.trained == "head") freezing.trained = Trained::head;
  if (settings.trained == "batchnorm") freezing.trained = Trained::batchnorm;
  if (settings.trained == "top") freezing.trained = Trained::top;
  if (settings.trained == "freeze_bottom") freezing.trained = Trained::without_bottom;
  if (settings.gradual_unfreeze > 0) {
    // The head alone first, then a block more at even intervals, the stem last.
    const double interval =
        settings.gradual_unfreeze * static_cast<double>(settings.epochs) / (blocks + 1);
    freezing.unfreeze_every = std::max(1, static_cast<int>(interval));
    freezing.head_epochs = freezing.unfreeze_every;
  }
  return freezing;
}

}  // namespace

FitOptions training_options(const TrainSettings& settings, const Classifier& model,
                            std::int64_t train_rows, std::uint64_t seed) {
  FitOptions options;
  options.epochs = static_cast<int>(settings.epochs);
  options.batch_size = settings.batch * settings.accumulate;
  options.accumulation = static_cast<int>(settings.accumulate);
  options.optimizer = optimizer_of(settings);
  options.sam_rho = settings.optimizer == "sam" ? settings.sam_rho : 0;
  options.learning_rate = settings.lr;
  options.weight_decay = settings.weight_decay;
  options.momentum = settings.momentum;
  options.nesterov = settings.nesterov;
  options.schedule = schedule_of(settings.schedule);
  if (settings.epochs > 0)
    for (const std::int64_t epoch : settings.milestones)
      options.milestones.push_back(static_cast<double>(epoch) /
                                   static_cast<double>(settings.epochs));
  options.gamma = settings.gamma;
  options.warmup = warmup_of(settings, train_rows, options.batch_size);
  options.label_smoothing = settings.label_smoothing;
  options.clip_norm = settings.clip_norm;
  options.batchnorm = settings.batchnorm == "live" ? BatchNorm::live : BatchNorm::frozen;
  options.augmentation = settings.augmentation();
  options.mixing = {.mixup_alpha = settings.mixup,
                    .cutmix_alpha = settings.cutmix,
                    .probability = settings.mix_probability};
  options.head_dropout = settings.dropout;
  options.drop_path = settings.drop_path;
  options.layer_decay = settings.layer_decay;
  options.head_rate = settings.head_lr;
  options.freezing = freezing_of(settings, model.blocks());
  // The loop halves both factors.
  options.l2_sp = {.backbone = 2 * settings.l2sp_alpha, .head = 2 * settings.l2sp_beta};
  options.ema.decays = settings.ema;
  if (settings.swa > 0)
    options.swa_epochs = std::max(
        1, static_cast<int>(std::lround(settings.swa * static_cast<double>(settings.epochs))));
  options.lawa_epochs = static_cast<int>(settings.lawa);
  if (settings.swad.on)
    options.swad = {.start_patience = static_cast<std::size_t>(settings.swad.start),
                    .end_patience = static_cast<std::size_t>(settings.swad.end),
                    .tolerance = settings.swad.tolerance};
  options.seed = seed;
  return options;
}

}  // namespace stockpot
