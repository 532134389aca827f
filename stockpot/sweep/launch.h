// Workers on this machine, kept running until the sweep is done.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "stockpot/base/progress.h"
#include "stockpot/base/signals.h"
#include "stockpot/sweep/board.h"
#include "stockpot/sweep/plan_file.h"

namespace stockpot {

// What one of several workers on a machine may use.
struct WorkerSeat {
  int threads = 1;     // for each trial
  int trials = 1;      // at once
  std::string device;  // "": as the recipe says
};

struct LaunchOptions {
  // Starts a worker; --threads and --device are added. Where `worker` is given, workers are forks
  // of this process instead, which run it and share what this process has in memory.
  std::vector<std::string> command;
  std::function<int(const WorkerSeat& seat)> worker = {};
  int jobs = 1;  // trials at once
  // The forks are one for each of `devices`, at least one, and work on all of its trials at once.
  bool share_devices = false;
  std::vector<std::string> devices;  // dealt out in turn; none: not given
  int threads = 0;                   // in all, divided among the trials at once; 0: cores
  std::chrono::milliseconds look_every{1000};
  std::function<bool()> stop = stop_requested;
};

// Shown again and again while a sweep is followed.
using ShowBoard = std::function<void(const Board&)>;

// How a sweep that was followed ended, as exit codes of spec 5: 0 done, 5 with trials that were
// given up, 75 interrupted with the state saved, 4 workers died without end; others are what a
// worker ended with when going on was pointless (2, 3, 74).
struct SweepEnd {
  int code = 0;
  std::string message;  // "" for 0
  Board board;
};

// Starts the workers, whose output goes to workers/<n>.log in the sweep's folder, restarts those
// that die (a trial that kills its workers is given up after its retries; workers that die
// without any trial coming to an end are not restarted for ever) and passes requests to stop and
// to save on to them. Throws UsageError when the program cannot be started, WriteError.
SweepEnd launch(const fs::path& sweep, const SweepPlan& plan, const LaunchOptions& options,
                const ShowBoard& show, Progress& progress);

// How a sweep stands when nobody works on it any more.
SweepEnd end_of(Board board);

}  // namespace stockpot
