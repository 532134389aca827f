#include "stockpot/train/weight_averages.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include "stockpot/base/text.h"

namespace stockpot {
namespace {

// average += share * (weights - average)
void move_towards(const Weights& average, const Weights& weights, double share) {
  const c10::NoGradGuard no_grad;
  average.values.lerp_(weights.values, share);
  for (std::size_t i = 0; i < average.buffers.size(); ++i) {
    if (average.buffers[i].is_floating_point())
      average.buffers[i].lerp_(weights.buffers[i], share);
    else
      average.buffers[i].copy_(weights.buffers[i]);
  }
}

}  // namespace

double ema_decay(double decay, bool warmup, std::int64_t step) {
  if (step <= 1) return 0;
  return warmup ? std::min(decay, 1 - std::pow(static_cast<double>(step), -2.0 / 3)) : decay;
}

WeightAverages::WeightAverages(const Classifier& model, const FitOptions& options)
    : ema_(options.ema), epochs_(options.epochs), swa_epochs_(options.swa_epochs) {
  for (const double decay : ema_.decays)
    averages_.push_back({"ema-" + shortest(decay), copy_weights(model, model.device())});
  if (swa_epochs_ > 0) averages_.push_back({"swa", copy_weights(model, model.device())});
}

void WeightAverages::after_step(const Classifier& model, std::int64_t step) {
  for (std::size_t i = 0; i < ema_.decays.size(); ++i)
    move_towards(averages_[i].weights, weights_of(model),
                 1 - ema_decay(ema_.decays[i], ema_.warmup, step));
}

void WeightAverages::after_epoch(const Classifier& model, int epoch) {
  const int count = epoch - (epochs_ - std::min(swa_epochs_, epochs_));
  if (swa_epochs_ > 0 && count > 0)
    move_towards(averages_.back().weights, weights_of(model), 1.0 / count);
}

NamedTensors WeightAverages::tensors(const Classifier& model) const {
  NamedTensors all;
  for (const Average& average : averages_)
    for (auto& tensor : named(average.name, average.weights, model)) all.push_back(tensor);
  return all;
}

}  // namespace stockpot
