// What a trial's folder and the trials it needs add up to.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "stockpot/sweep/attempt.h"
#include "stockpot/sweep/trial.h"

namespace stockpot {

enum class TrialState {
  ready,    // may be claimed: never begun, or given back
  waiting,  // for trials that it needs
  running,  // claimed, by all that the folder says
  done,
  failed,  // as often as its retries allow
  diverged,
  blocked,  // needs a trial that failed, diverged or is blocked itself
};

// "running", for tables.
const char* name_of(TrialState state);
// Will not change without somebody's help.
bool is_final(TrialState state);

// By the trial's own folder: everything but waiting and blocked.
TrialState own_state(const TrialRecord& trial, int retries);

// The same, given the states of the trials it needs.
TrialState state_with(TrialState own, const std::vector<TrialState>& needed);

// The trials of a list in the order in which they are taken: those that others need first, then
// the costly ones, so that the last hour is not one long trial; else as listed. Indices.
std::vector<std::size_t> working_order(const std::vector<Trial>& trials);

}  // namespace stockpot
