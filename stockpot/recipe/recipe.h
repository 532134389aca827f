// A recipe: the YAML file that says what `stockpot run` does. Reading it reports every
// problem at once, each with file, line and column, before anything starts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/base/yaml.h"
#include "stockpot/data/spec.h"
#include "stockpot/data/transform.h"
#include "stockpot/sweep/space.h"

namespace stockpot {

// How a fine-tuning run is trained. The names are the recipe's keys.
struct TrainSettings {
  std::string optimizer = "adamw";  // adamw or sgd
  double lr = 3e-4;
  double weight_decay = 0.01;
  double momentum = 0.9;            // sgd
  std::string schedule = "cosine";  // cosine, linear or constant
  double warmup = 0;                // share of all steps
  std::int64_t epochs = 10;
  std::int64_t batch = 64;
  double label_smoothing = 0;
  double clip_norm = 0;              // 0: off
  std::string batchnorm = "frozen";  // frozen or live
  std::string augment = "none";      // a preset, or "custom" with the fields below
  Augmentation custom_augmentation;

  // Sets the field that a recipe's key names. Throws UsageError with the reason: unknown key
  // (naming the nearest), wrong type, out of range.
  void set(const std::string& key, const Json& value);
  // Every key and value, in a fixed order.
  std::vector<std::pair<std::string, Json>> all() const;
  Augmentation augmentation() const;
};

// FT or LP-FT: every learning rate is tried, with every BatchNorm policy; the learning rate
// is chosen on held-out data.
struct FineTuneMethod {
  bool wanted = false;
  std::vector<double> learning_rates;
  std::vector<std::string> batchnorm;  // policies, each reported as a method of its own
  TrainSettings settings;
};

// The learning rates that FT and LP-FT try when a recipe names none.
inline const std::vector<double> kDefaultFtRates{1e-4, 3e-4, 1e-3};
inline const std::vector<double> kDefaultLpftRates{3e-5, 1e-4, 3e-4};
// 100 penalties from 1e-7 to 1e2: the paper's grid.
std::vector<double> default_probe_path();

// A stratified part of the training set that is left out of training.
struct SplitOff {
  double fraction = 0;  // of every class; 0: none
  std::uint64_t seed = 0;
};

struct Recipe {
  std::filesystem::path file;  // as given; relative paths inside are relative to its folder
  std::string text;            // the YAML as read
  std::string title;
  std::filesystem::path model;

  DataSpec train;
  // A set of its own, or a part split off the training set; the ID test set may be absent.
  std::optional<DataSpec> held_out, id_test;
  SplitOff held_out_split, id_test_split;
  std::vector<std::pair<std::string, DataSpec>> ood;
  std::uint64_t data_memory = std::uint64_t{4} << 30;

  bool lp = false;
  std::vector<double> probe_c;  // increasing
  FineTuneMethod ft, lpft;

  std::int64_t search_runs = 0;
  std::uint64_t search_seed = 0;
  TrainSettings search_settings;
  SearchSpace search_space;

  bool accept_strict = false;
  bool include_init = false;  // the LP initialisation is a soup candidate too

  std::uint64_t seed = 0;
  std::int64_t seeds = 1;  // FT and LP-FT are repeated with seed, seed+1, ...
  std::string device = "cpu";
  std::int64_t threads = 0;  // 0: the machine's cores
  bool bf16 = false;

  // Throws UsageError listing every problem, one a line.
  static Recipe read(const std::filesystem::path& file);
  static Recipe parse(const std::string& text, const std::filesystem::path& file);

  // What every training run depends on besides its own settings: the model and the training
  // and held-out data, by path. A finished run is taken over only where this is the same.
  Json identity() const;
};

// The settings of search run i: search_settings with what the space draws.
TrainSettings search_run(const Recipe& recipe, std::int64_t i);

}  // namespace stockpot
