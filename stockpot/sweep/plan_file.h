// sweep.json: the trials of a sweep, as a recipe was spelled out. Every process that works in
// the folder or looks at it reads the same list.
#pragma once

#include <string>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/sweep/claim.h"
#include "stockpot/sweep/trial.h"

namespace stockpot {

struct SweepPlan {
  Json origin;      // what the trials were made from: the recipe's file and overrides; an object
  int retries = 2;  // of a trial that fails
  Heartbeat heartbeat;
  std::vector<Trial> trials;
};

// Throws UsageError when a trial cannot be: two of one id, an id that is no plain file name,
// needs that are unknown or go in a circle.
void check_trials(const std::vector<Trial>& trials);

// Makes the folder and its sweep.json. A folder that has one is extended: its trials must be
// among the new ones, unchanged. Throws UsageError naming what differs, WriteError.
void write_plan(const fs::path& sweep, const SweepPlan& plan);

// Throws UsageError when the folder is no sweep, FormatError when sweep.json is damaged.
SweepPlan read_plan(const fs::path& sweep);

}  // namespace stockpot
