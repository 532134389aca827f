// The work loop: any number of processes, on any machines that share the folder, take trials one
// after another until all are done. Nobody hands them out.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <vector>

#include "stockpot/base/progress.h"
#include "stockpot/base/signals.h"
#include "stockpot/sweep/trial_run.h"

namespace stockpot {

// Does the work of a trial and returns the content of its result.json, an object; "held_out" (an
// accuracy) and "seconds" are shown in tables. What it throws decides what happens: TrialDiverged
// marks the trial, it is not repeated; Interrupted gives it back, to be continued from its state;
// WriteError does the same, and ends the worker; BusyError (somebody holds its files) gives it back
// for a while; TrialRefused leaves it to other workers; TrialTakenOver to its new owner; anything
// else is a failed attempt.
using RunTrial = std::function<Json(const Trial& trial, TrialRun& run)>;

struct WorkerOptions {
  std::optional<std::size_t> index;  // only this trial of the list, and what it needs
  std::int64_t max_trials = 0;       // end after that many; 0: no limit
  int retries = 2;                   // of a trial that fails, before it is given up
  Heartbeat heartbeat;
  bool wait = true;  // for trials that others have; else BusyError names who
  std::function<bool()> stop = stop_requested;
  // Exceptions other than TrialDiverged that mean the same.
  std::function<bool(const std::exception&)> is_divergence;
};

struct WorkSummary {
  int done = 0;         // by this worker
  bool whole = true;    // every trial it was asked for is done, or max_trials was reached
  std::string trouble;  // the first trial that is not done and why, "" when whole
};

// Works in `sweep` until every trial is done or given up. While others have what is left it
// waits, so that the trial of a worker that dies is taken over. Throws Interrupted after giving
// its trial back, UsageError when a trial's folder was made with other parameters, TrialRefused
// when nothing is left but trials that this worker refused, WriteError.
WorkSummary work(const fs::path& sweep, const std::vector<Trial>& trials, const RunTrial& run,
                 const WorkerOptions& options, Progress& progress);

// The folder of a trial.
fs::path trial_folder(const fs::path& sweep, const std::string& id);

}  // namespace stockpot
