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
#include "stockpot/checkpoint/head_file.h"
#include "stockpot/data/spec.h"
#include "stockpot/recipe/settings.h"
#include "stockpot/sweep/space.h"

namespace stockpot {

// What a training run is in tables and reports.
enum class RunKind { lp, ft, lpft, search };

// FT, LP-FT or a variant of one of them, such as L2-SP: every learning rate is tried, with
// every BatchNorm policy; the learning rate is chosen on held-out data.
struct FineTuneMethod {
  std::string name;   // what the ids of its runs begin with: "ft"
  std::string title;  // for people: "FT"
  RunKind kind = RunKind::ft;
  bool from_probe = false;  // else from the pretrained weights with `head`, or a random one
  bool wanted = false;
  std::vector<double> learning_rates = {};
  std::vector<std::string> batchnorm = {};  // policies, each reported as a method of its own
  TrainSettings settings = {};
  std::optional<HeadFile> head = {};  // of the user; only where from_probe is not set
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

// Where a part of a recipe was written.
struct Origin {
  std::string place;   // "recipe.yaml:12:10", "preset clip-72:3:5", "--set train.lr=1"
  bool value = false;  // a scalar or a list, not a map and not nothing
};

struct Recipe {
  std::filesystem::path file;  // as given; relative paths inside are relative to its folder
  // The YAML as read; where it was put together from several texts, the whole of it.
  std::string text;
  std::string title;
  std::filesystem::path model;

  DataSpec train;
  // A set of its own, or a part split off the training set; the ID test set may be absent.
  std::optional<DataSpec> held_out, id_test;
  SplitOff held_out_split, id_test_split;
  std::vector<std::pair<std::string, DataSpec>> ood;
  // The held-out set is OOD data: choices are out of protocol, and every output says so.
  bool held_out_is_ood = false;
  std::uint64_t data_memory = std::uint64_t{4} << 30;

  TrainSettings settings;  // shared by methods and search, each with its own on top

  bool lp = false;
  std::vector<double> probe_c;           // increasing
  std::string probe_scaling = "global";  // of features: global or per_feature
  FineTuneMethod ft{"ft", "FT", RunKind::ft, false};
  FineTuneMethod lpft{"lpft", "LP-FT", RunKind::lpft, true};
  std::vector<FineTuneMethod> variants;  // in the recipe's order

  // 0: no search. For a grid or a list at most their size.
  std::int64_t search_runs = 0;
  std::uint64_t search_seed = 0;
  std::int64_t search_seeds = 1;  // every trial is trained so many times
  bool search_vary_seed = true;   // trials differ in the order of their data, too
  TrainSettings search_settings;
  SearchSpace search_space;
  std::optional<HeadFile> search_head;  // what every trial starts from; none: the linear probe

  bool accept_strict = false;
  bool include_init = false;  // the LP initialisation is a soup candidate too

  std::optional<bool> diagnose;  // how far features moved; unset: where there is LP-FT
  bool diagnoses() const { return diagnose.value_or(lpft.wanted); }

  std::uint64_t seed = 0;
  std::int64_t seeds = 1;  // FT and LP-FT are repeated with seed, seed+1, ...
  std::string device = "cpu";
  std::int64_t threads = 0;  // 0: the machine's cores
  bool bf16 = false;
  std::int64_t jobs = 1;                // runs at a time
  std::filesystem::path feature_cache;  // of the linear probe; "": in the run's folder

  double checkpoint_every = 600;  // seconds
  std::int64_t checkpoint_keep = 2;
  std::int64_t retries = 2;                           // of a run that failed
  double heartbeat_every = 15, heartbeat_stale = 90;  // seconds

  // By path ("train.lr"); values that are not in it are defaults. Maps have entries, too.
  std::map<std::string, Origin> origins;

  // Reads the file, the files that its `base:` names, and overrides "key.sub=value" on top of
  // them. Throws UsageError listing every problem, one a line; FormatError where a text is not
  // YAML.
  static Recipe read(const std::filesystem::path& file,
                     const std::vector<std::string>& overrides = {});
  static Recipe parse(const std::string& text, const std::filesystem::path& file,
                      const std::vector<std::string>& overrides = {});

  // What every training run depends on besides its own settings: the model and the training
  // and held-out data, by path. A finished run is taken over only where this is the same.
  Json identity() const;
};

// The settings of search trial i: search_settings with what the space draws.
TrainSettings search_run(const Recipe& recipe, std::int64_t i);

}  // namespace stockpot
