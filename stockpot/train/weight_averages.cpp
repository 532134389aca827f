#include "stockpot/train/weight_averages.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "stockpot/base/error.h"
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
    : ema_(options.ema) {
  for (const double decay : ema_.decays)
    moving_.push_back({"ema-" + shortest(decay), copy_weights(model, model.device())});
  const auto add_last = [&](const char* name, int epochs) {
    if (epochs > 0)
      last_.push_back({{name, copy_weights(model, model.device())},
                       options.epochs - std::min(epochs, options.epochs) + 1});
  };
  add_last("swa", options.swa_epochs);
  add_last("lawa", options.lawa_epochs);
  if (options.swad) dense_.emplace(*options.swad);
}

void WeightAverages::after_step(const Classifier& model, std::int64_t step) {
  for (std::size_t i = 0; i < moving_.size(); ++i)
    move_towards(moving_[i].weights, weights_of(model),
                 1 - ema_decay(ema_.decays[i], ema_.warmup, step));
  if (dense_) dense_->after_step(model);
}

void WeightAverages::after_epoch(const Classifier& model, int epoch, double held_out_loss) {
  for (const LastEpochs& last : last_)
    if (epoch >= last.first)
      move_towards(last.average.weights, weights_of(model), 1.0 / (epoch - last.first + 1));
  if (dense_) dense_->after_epoch(held_out_loss);
}

std::vector<WeightAverages::Average> WeightAverages::all() const {
  std::vector<Average> all = moving_;
  for (const LastEpochs& last : last_) all.push_back(last.average);
  if (!dense_) return all;
  if (std::optional<Weights> mean = dense_->mean()) all.push_back({"swad", std::move(*mean)});
  return all;
}

NamedTensors WeightAverages::tensors(const Classifier& model) const {
  NamedTensors all;
  const auto append = [&](const NamedTensors& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  for (const Average& average : moving_) append(named(average.name, average.weights, model));
  for (const LastEpochs& last : last_)
    append(named(last.average.name, last.average.weights, model));
  if (dense_) append(dense_->tensors(model));
  return all;
}

Json WeightAverages::state() const {
  return dense_ ? Json::object({{"swad", dense_->state()}}) : Json::object();
}

void WeightAverages::set_state(const Json& state, std::span<const double> held_out_losses,
                               const Classifier& model) {
  if (!dense_) return;
  const Json* dense = state.find("swad");
  if (dense == nullptr) throw FormatError("a saved state has no 'swad'");
  dense_->set_state(*dense, held_out_losses, model);
}

}  // namespace stockpot
