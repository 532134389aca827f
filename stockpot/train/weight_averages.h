// Means of the weights along a run: exponential over the steps, plain over the last epochs.
#pragma once

#include <string>
#include <vector>

#include "stockpot/train/fit_options.h"
#include "stockpot/train/weights.h"

namespace stockpot {

// The decay of timm's ModelEmaV3 after `step` steps (1-based): 0 after the first one, which the
// average starts from; then `decay`, with warm-up at most 1 - step^(-2/3).
double ema_decay(double decay, bool warmup, std::int64_t step);

class WeightAverages {
 public:
  struct Average {
    std::string name;  // "ema-0.999", "swa"
    Weights weights;
  };

  // The memory is on the model's device.
  WeightAverages(const Classifier& model, const FitOptions& options);

  // average = decay * average + (1 - decay) * weights, of parameters and running statistics;
  // counters are copied. step is 1-based.
  void after_step(const Classifier& model, std::int64_t step);
  // The running mean over the last FitOptions::swa_epochs epochs (Izmailov et al. 2018), of
  // parameters and running statistics. epoch is 1-based.
  void after_epoch(const Classifier& model, int epoch);

  const std::vector<Average>& all() const { return averages_; }
  NamedTensors tensors(const Classifier& model) const;

 private:
  EmaOptions ema_;
  int epochs_, swa_epochs_;
  std::vector<Average> averages_;  // one a decay, then the plain one
};

}  // namespace stockpot
