// What a recipe asks for, spelled out run by run before anything starts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/recipe/recipe.h"

namespace stockpot {

// One fine-tuning.
struct TrainingRun {
  std::string id;      // its folder under runs/: "ft-frozen-lr3e-4-s0", "search-07"
  std::string method;  // runs of one method differ in learning rate and seed: "ft-frozen"
  std::string name;    // for people: "FT (BN frozen)"
  RunKind kind = RunKind::ft;
  bool from_probe = false;  // else from the pretrained weights with `head`, or a random one
  std::optional<HeadFile> head;
  std::uint64_t seed = 0;
  TrainSettings settings;
};

// Every fine-tuning of the recipe, in the order in which they run: FT, LP-FT, their variants,
// the search. A model without BatchNorm has no BatchNorm policies to compare. A recipe that
// differs in more search runs, or more seeds, has the same runs and others besides: their ids
// and settings stay.
std::vector<TrainingRun> plan_runs(const Recipe& recipe, bool has_batchnorm);

// The trials of the search alone, trial by trial, each with its repetitions: search-00,
// search-01, ... or, with search.seeds: 2, search-00, search-00-r1, search-01, ...
std::vector<TrainingRun> plan_search(const Recipe& recipe);

}  // namespace stockpot
