// The analyses of the soups paper: what each was asked to do. shifts and angles without sets need
// no LibTorch.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/checkpoint_commands.h"

namespace stockpot::cli {

// Where an analysis leaves its files, NAME.json and NAME.html; -o may be missing.
struct AnalysisPlace {
  fs::path out;
  bool overwrite = false;
  bool plan_only = false;
};

// Sets that models are looked at on.
struct AnalysisSets {
  std::vector<std::string> train, held_out, id, ood;  // sources; ood as NAME=SOURCE
  fs::path recipe;                                    // or the held-out and test sets of this one
  bool skip_unreadable = false;
  std::string batchnorm;  // "", "keep", "average", "variance" or "recompute"

  bool any() const { return !train.empty() || has_held_out() || !id.empty() || !ood.empty(); }
  bool has_held_out() const { return !held_out.empty() || !recipe.empty(); }
};

struct ShiftsArgs {
  std::vector<fs::path> results;
  std::string id;                // set or column
  std::vector<std::string> ood;  // sets or columns
  std::string axes = "logit";
  AnalysisPlace place;
};

struct AnglesArgs {
  std::vector<fs::path> models;
  fs::path base;
  bool no_head = false;
  std::size_t pairs = 0;  // 0: all
  std::uint64_t seed = 0;
  AnalysisSets sets;
  AnalysisPlace place;
};

struct PlaneArgs {
  std::array<fs::path, 3> models;
  std::int64_t grid = 21;
  double margin = 0.2;
  AnalysisSets sets;
  AnalysisPlace place;
};

struct GapArgs {
  std::vector<fs::path> models;
  double alpha = 0.5, step = 0.125;
  std::size_t pairs = 0;  // 0: all
  std::uint64_t seed = 0;
  bool identity = false;
  AnalysisSets sets;
  AnalysisPlace place;
};

int run_shifts(const ShiftsArgs& args, const CommandLine& line);
int run_angles(const AnglesArgs& args, const CommandLine& line);  // without sets

}  // namespace stockpot::cli
