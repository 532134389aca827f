// What a training run is asked to do. Every default is "off" or the plain choice.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"
#include "stockpot/base/loss_valley.h"
#include "stockpot/data/mixing.h"
#include "stockpot/data/transform.h"
#include "stockpot/model/classifier.h"

namespace stockpot {

enum class Optimizer { adamw, sgd, adafactor };
enum class Schedule { cosine, linear, constant, step };

// Which parameters are trained. The others get neither updates nor weight decay; the running
// statistics of BatchNorm follow FitOptions::batchnorm all the same.
enum class Trained {
  all,
  head,
  batchnorm,       // the scales and shifts of BatchNorm, and the head
  top,             // the last `blocks` blocks and the head
  without_bottom,  // everything but the first `blocks` of stem, block 1, block 2 ...
};
struct Freezing {
  Trained trained = Trained::all;
  int blocks = 0;
  // So many epochs train the head alone, then what `trained` says: LP-FT in one run.
  int head_epochs = 0;
  // > 0: after these epochs the blocks join from the top, one every so many epochs, the stem
  // last (gradual unfreezing, Howard and Ruder 2018; there head_epochs and this are 1).
  int unfreeze_every = 0;
};

// L2-SP (Li, Grandvalet and Davoine 2018): the loss gets
// backbone / 2 * ||w - start||^2 over the backbone and head / 2 * ||w||^2 over the head. The
// weight w of the LP-FT paper's code, for ||.||^2 without the half, is backbone = 2 w.
struct L2Sp {
  double backbone = 0, head = 0;
};

// Moving averages of the weights over the steps (timm's ModelEmaV3, buffers too).
struct EmaOptions {
  std::vector<double> decays;  // an average each
  bool warmup = false;         // the decay of step t is at most 1 - t^(-2/3)
};

// Saved states, from which a killed run continues to the same bytes (train/state_folder.h).
struct CheckpointOptions {
  fs::path folder;            // empty: nothing is saved
  double every_seconds = 60;  // 0: whenever the last one has been written
  // What the caller wants to be the same on continuing, beside what fit() itself compares: its
  // options, the start, the rows of the sets, the program, LibTorch, BLAS, threads and device.
  Json identity = Json::object();
  bool force = false;  // continue in spite of differences
  // > 0: after so many steps this call saves and throws Interrupted, as if asked to stop: long
  // runs in slices.
  std::int64_t stop_after = 0;
  std::function<void(const std::string&)> on_warning = {};
};

struct FitOptions {
  int epochs = 10;  // 0: nothing is trained, the start is scored
  std::int64_t batch_size = 64;
  Optimizer optimizer = Optimizer::adamw;
  double learning_rate = 3e-4;
  double weight_decay = 0.01;  // decoupled for AdamW, Adafactor; added to the gradient for SGD
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
  // On CUDA, passes of small models are recorded and started as a whole (train/recorded_passes.h):
  // the same bits, sooner.
  bool recorded = true;
  std::optional<int> loader_threads = {};  // unset: what suits the device
  // With train rows per epoch not divisible by the batch size, the last, smaller batch is
  // used too (unless it has one row and BatchNorm is live).

  // Schedule::step: the rate is multiplied by gamma at each milestone, a share of all steps, and
  // every step_epochs epochs (0: never).
  std::vector<double> milestones = {};
  int step_epochs = 0;
  double gamma = 0.1;
  bool nesterov = false;  // SGD
  // Sharpness-aware minimisation (Foret et al. 2021) around the optimizer: the gradient is taken
  // at w + sam_rho * gradient / ||gradient||; a step costs two. 0 = off.
  double sam_rho = 0;
  // The learning rate of depth i of n (Parameter::block, the head is n) is multiplied by
  // layer_decay^(n - i), as timm's param_groups_layer_decay; the head's by head_rate, too.
  double layer_decay = 1, head_rate = 1;
  Freezing freezing = {};
  L2Sp l2_sp = {};
  // A batch is worked on in so many parts, one after the other, and the gradient is that of the
  // whole batch: less memory. Live BatchNorm sees the parts.
  int accumulation = 1;
  MixingOptions mixing = {};               // mixup and cutmix, by (seed, epoch, batch)
  double head_dropout = 0, drop_path = 0;  // see TrainingMode
  EmaOptions ema = {};
  int swa_epochs = 0;   // the mean of the weights at the end of so many last epochs
  int lawa_epochs = 0;  // another one, by a number of epochs of its own
  // The mean of the weights after every step of the epochs in the valley of the held-out loss.
  std::optional<SwadOptions> swad = {};
  CheckpointOptions checkpoints = {};
};

}  // namespace stockpot
