// The one training loop: full fine-tuning of a classifier, whatever its head started from.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/data/dataset.h"
#include "stockpot/metrics/accuracy.h"
#include "stockpot/model/classifier.h"

namespace stockpot {

enum class Optimizer { adamw, sgd };
enum class Schedule { cosine, linear, constant };

struct FitOptions {
  int epochs = 10;
  std::int64_t batch_size = 64;
  Optimizer optimizer = Optimizer::adamw;
  double learning_rate = 3e-4;
  double weight_decay = 0.01;  // decoupled for AdamW; added to the gradient for SGD
  double momentum = 0.9;       // SGD
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  // AdamW
  Schedule schedule = Schedule::cosine;               // stepped every batch
  double warmup = 0;                                  // share of all steps, linear from 0
  double label_smoothing = 0;
  double clip_norm = 0;  // of the whole gradient; 0 = off
  BatchNorm batchnorm = BatchNorm::live;
  Augmentation augmentation = {};
  std::uint64_t seed = 0;
  bool bf16 = false;  // autocast, CUDA only
  int loader_threads = 1;
  // With train rows per epoch not divisible by the batch size, the last, smaller batch is
  // used too (unless it has one row and BatchNorm is live).
};

// Learning rate of a step, 0-based: linear warm-up, then the schedule down to 0.
double learning_rate_at(const FitOptions& options, std::int64_t step, std::int64_t steps);

struct EpochReport {
  int epoch = 0, epochs = 0;  // 1-based
  double train_loss = 0;      // mean over the epoch
  double train_accuracy = 0;  // on the batches as trained
  Accuracy held_out;
  double held_out_loss = 0;
  double learning_rate = 0;  // at the end of the epoch
  double seconds = 0, seconds_left = 0, images_per_second = 0;

  Json to_json() const;
};

struct FitResult {
  std::vector<EpochReport> history;
  int best_epoch = 0;           // chosen on held-out data; ties to the earlier epoch
  Accuracy held_out;            // at that epoch
  double batchnorm_change = 0;  // largest absolute change of a running statistic
};

// Called several times a second at most, between steps.
struct StepReport {
  int epoch = 0, epochs = 0;
  std::int64_t step = 0, steps = 0;  // of the whole run
  double loss = 0, images_per_second = 0, seconds_left = 0;
};

struct FitCallbacks {
  std::function<void(const EpochReport&)> on_epoch = {};
  std::function<void(const StepReport&)> on_step = {};
};

// Leaves in `model` the weights of the best epoch on held-out data, in evaluation mode.
// Throws RunError when the loss or a gradient is not finite, Interrupted when asked to stop.
FitResult fit(Classifier& model, const ImageDataset& train, const HeldOut& held_out,
              const FitOptions& options, const FitCallbacks& callbacks = {});

}  // namespace stockpot
