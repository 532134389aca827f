// How a fine-tuning run is trained. The names are the recipe's keys.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/data/transform.h"

namespace stockpot {

// RandAugment; the members of the recipe's map are timm's names, as in "rand-m9-n2-mstd0.5-inc1".
struct RandAugmentSettings {
  bool on = false;
  double magnitude = 10;        // m
  std::int64_t operations = 2;  // n, a picture
  double deviation = 0;         // mstd, of the magnitude
  double largest = 10;          // mmax: magnitudes above it act as this one
  double probability = 0.5;     // p, of each operation
  bool increasing = false;      // inc: every operation gets stronger with the magnitude
};

// SWAD; the members of the recipe's map.
struct SwadSettings {
  bool on = false;
  std::int64_t start = 3, end = 6;  // epochs
  double tolerance = 1.3;
};

struct TrainSettings {
  std::string optimizer = "adamw";  // adamw, sgd, adafactor or sam (sharpness-aware sgd)
  double lr = 3e-4;
  double weight_decay = 0.01;
  double momentum = 0.9;  // sgd, sam
  bool nesterov = false;  // sgd, sam
  double sam_rho = 0.05;  // sam: radius of the neighbourhood

  std::string schedule = "cosine";       // cosine, linear, constant or step
  std::vector<std::int64_t> milestones;  // step: epochs after which the rate falls ...
  double gamma = 0.1;                    // ... to this share of itself
  double warmup = 0;                     // share of all steps ...
  std::int64_t warmup_steps = 0;         // ... or a number of steps ...
  double warmup_epochs = 0;              // ... or of epochs: at most one of the three is not 0
  std::int64_t epochs = 10;
  std::int64_t batch = 64;
  std::int64_t accumulate = 1;  // batches whose gradients make one step

  double label_smoothing = 0;
  double clip_norm = 0;              // 0: off
  std::string batchnorm = "frozen";  // frozen or live

  std::string augment = "none";  // as augmentation_preset, or "custom" with the fields below
  Augmentation custom_augmentation;
  RandAugmentSettings randaugment;
  double mixup = 0;            // alpha of Beta(alpha, alpha); 0: off
  double cutmix = 0;           // the same for CutMix
  double mix_probability = 1;  // share of the batches that are mixed, by either
  double erase = 0;            // probability of random erasing

  double dropout = 0;       // before the head
  double drop_path = 0;     // stochastic depth: the last block's rate, rising from 0
  double layer_decay = 1;   // a layer's learning rate, as a share of that of the one above
  double head_lr = 1;       // the head's learning rate, as a multiple of the others'
  std::vector<double> ema;  // decays of moving averages of the weights
  double swa = 0;           // last share of the epochs whose weights are averaged
  std::int64_t lawa = 0;    // the same, as a number of epochs; 0: off
  SwadSettings swad;        // mean over every step in the valley of the held-out loss

  std::string trained = "all";      // all, head, batchnorm, top or freeze_bottom
  std::int64_t trained_layers = 0;  // top, freeze_bottom: how many
  // Share of the epochs over which layers begin to train, one by one from the head down, at even
  // intervals; 0: all from the start.
  double gradual_unfreeze = 0;
  // Side-tuning: the backbone is frozen, a second one that starts at random adds its features.
  bool side_network = false;
  // L2-SP: l2sp_alpha |w - start|^2 over the backbone + l2sp_beta |w|^2 over the head is added
  // to the loss.
  double l2sp_alpha = 0, l2sp_beta = 0;

  // Sets the field that a recipe's key names. Throws UsageError with the reason: unknown key
  // (naming the nearest), wrong type, out of range.
  void set(const std::string& key, const Json& value);
  // What a run's results depend on, in a fixed order: the settings of version 0.1 always, the
  // later ones where they differ from their defaults, so that runs that were finished before
  // a setting existed are still known as the same.
  std::vector<std::pair<std::string, Json>> all() const;
  // Settings that contradict each other, a sentence each.
  std::vector<std::string> conflicts() const;
  // What augment, randaugment and erase ask of the pictures.
  Augmentation augmentation() const;
};

}  // namespace stockpot
