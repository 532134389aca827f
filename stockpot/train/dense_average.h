// The mean of the weights after every step of the epochs in the valley of the held-out loss: SWAD
// (Cha et al. 2021), with the epoch as the interval between two looks at the loss.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>

#include "stockpot/base/json.h"
#include "stockpot/base/loss_valley.h"
#include "stockpot/train/weights.h"

namespace stockpot {

// Holds a sum in float64 for each epoch that the rule has not decided on, one for those before, and
// one for the epoch that goes on: at most the larger patience + 1, and mostly two; on the model's
// device.
class DenseAverage {
 public:
  // Throws UsageError as SwadRule.
  explicit DenseAverage(const SwadOptions& options) : rule_(options) {}

  void after_step(const Classifier& model);
  // The loss after the epoch's last step. One that is not finite counts as a very large one.
  void after_epoch(double held_out_loss);
  // What these losses of a run's epochs make the window: indices of epochs, from 0.
  static std::optional<SwadWindow> window(const SwadOptions& options,
                                          std::span<const double> held_out_losses);
  // Of parameters and running statistics, rounded once to the model's float32; counters are those
  // of the last epoch. Nothing where the window has not started: the loss falls until the end.
  std::optional<Weights> mean() const;

  // For saved states: what is to be kept, and, before the tensors are copied back, memory for them
  // again. `held_out_losses` are those of the epochs that are done.
  NamedTensors tensors(const Classifier& model) const;
  Json state() const;
  // Throws FormatError when `state` is not of a run with these losses.
  void set_state(const Json& state, std::span<const double> held_out_losses,
                 const Classifier& model);

 private:
  struct Sum {
    Weights weights;
    std::int64_t steps = 0;  // 0: there are no tensors yet
  };
  static void add(const Weights& weights, std::int64_t steps, Sum& sum);

  SwadRule rule_;
  Sum valley_;              // of the epochs that are in the window for good
  std::deque<Sum> recent_;  // of the epochs that the rule has not decided on, the oldest first
  Sum epoch_;               // of the epoch that goes on
};

}  // namespace stockpot
