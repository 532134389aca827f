// The one training loop: fine-tuning of a classifier, whatever its head started from.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/data/dataset.h"
#include "stockpot/metrics/accuracy.h"
#include "stockpot/metrics/predictions.h"
#include "stockpot/model/classifier.h"
#include "stockpot/parallel/world.h"
#include "stockpot/train/divergence.h"
#include "stockpot/train/epoch_report.h"
#include "stockpot/train/fit_options.h"
#include "stockpot/train/schedule.h"

namespace stockpot {

// A mean of the weights along the run, as it is at the end.
struct AveragedModel {
  std::string name;  // "ema-0.999", "swa", "lawa", "swad" (if its valley began)
  std::vector<OwnedTensor> state;
  Accuracy held_out;
  double held_out_loss = 0;
};

struct FitResult {
  std::vector<EpochReport> history;
  int best_epoch = 0;  // chosen on held-out data; ties to the earlier epoch
  Accuracy held_out;   // at that epoch
  // What it is of; none when the run was continued after that epoch.
  std::optional<Predictions> predictions;
  double batchnorm_change = 0;  // largest absolute change of a running statistic
  std::vector<AveragedModel> averages;
};

// Called several times a second at most, between steps.
struct StepReport {
  int epoch = 0, epochs = 0;
  std::int64_t step = 0, steps = 0;  // of the whole run
  double loss = 0, images_per_second = 0, seconds_left = 0;
  double learning_rate = 0;
};

// Where a run goes on that was interrupted.
struct ResumeReport {
  int epoch = 0;
  std::int64_t step = 0, steps = 0;  // made and to be made
  std::vector<EpochReport> history;  // of the epochs that are done: on_epoch was called for them
};

struct FitCallbacks {
  std::function<void(const EpochReport&)> on_epoch = {};
  std::function<void(const StepReport&)> on_step = {};
  std::function<void(const ResumeReport&)> on_resume = {};
};

// Leaves in `model` the weights of the best epoch on held-out data, in evaluation mode, with all
// parameters trainable. With options.checkpoints a run that was killed continues from its last
// saved state and ends with the bytes of one that was not (on CUDA as far as its kernels are
// deterministic); call it with the same start. The saved states stay: remove their folder when
// the result is safe.
// Throws Diverged when the loss or a gradient is not finite (`model` then has the weights of the
// best epoch until then, if one was finished), WriteError when a state cannot be
// saved, UsageError when a saved state is of another run, and Interrupted when asked to stop,
// after saving.
FitResult fit(Classifier& model, const ImageDataset& train, const HeldOut& held_out,
              const FitOptions& options, const FitCallbacks& callbacks = {});

// The same by all ranks of a world together, each with the same arguments; the batch is that of all
// of them, and the result, on every rank, that of one process within rounding. Only rank 0 saves
// states. What is known to all is thrown on all: Diverged, Interrupted, UsageError when the ranks
// disagree or for what cannot be trained together (train/joint.h), RunError when one is lost. For
// anything else that it throws, the caller leaves the world.
FitResult fit(Classifier& model, const ImageDataset& train, const HeldOut& held_out,
              const FitOptions& options, const FitCallbacks& callbacks, World& world);

}  // namespace stockpot
