// Means of the weights along a run: exponential over the steps, plain over the last epochs, dense
// over the epochs in the valley of the held-out loss.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/train/dense_average.h"
#include "stockpot/train/fit_options.h"
#include "stockpot/train/weights.h"

namespace stockpot {

// The decay of timm's ModelEmaV3 after `step` steps (1-based): 0 after the first one, which the
// average starts from; then `decay`, with warm-up at most 1 - step^(-2/3).
double ema_decay(double decay, bool warmup, std::int64_t step);

class WeightAverages {
 public:
  struct Average {
    std::string name;  // "ema-0.999", "swa", "lawa", "swad"
    Weights weights;
  };

  // The memory is on the model's device.
  WeightAverages(const Classifier& model, const FitOptions& options);

  // average = decay * average + (1 - decay) * weights, of parameters and running statistics;
  // counters are copied. step is 1-based.
  void after_step(const Classifier& model, std::int64_t step);
  // The running means over the last FitOptions::swa_epochs (Izmailov et al. 2018) and lawa_epochs
  // (Kaddour 2022), of parameters and running statistics; FitOptions::swad looks at the loss.
  // epoch is 1-based.
  void after_epoch(const Classifier& model, int epoch, double held_out_loss);

  // As they are now. SWAD's is missing while the loss falls: its valley has not begun.
  std::vector<Average> all() const;

  // For saved states. set_state() makes the memory that tensors() names; the losses are those of
  // the epochs that are done.
  NamedTensors tensors(const Classifier& model) const;
  Json state() const;
  void set_state(const Json& state, std::span<const double> held_out_losses,
                 const Classifier& model);

 private:
  struct LastEpochs {
    Average average;
    int first;  // epoch
  };

  EmaOptions ema_;
  std::vector<Average> moving_;  // one a decay
  std::vector<LastEpochs> last_;
  std::optional<DenseAverage> dense_;
};

}  // namespace stockpot
