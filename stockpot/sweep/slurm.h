// Sweeps as job arrays of Slurm: one array task a trial. The workers meet in the sweep's folder
// as they do anywhere; Slurm only starts them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "stockpot/sweep/launch.h"

namespace stockpot {

struct SlurmOptions {
  std::vector<std::string> command;  // that starts a worker; --index is added
  std::string job_name = "stockpot";
  std::string partition, time_limit, memory;  // as sbatch takes them; "": the cluster's default
  int cpus = 0;                               // of a task; 0: the cluster's default
  int at_once = 0;                            // tasks running at once; 0: no limit
  int signal_seconds = 120;                   // SIGUSR1 that long before the time limit
  std::vector<std::string> lines;             // more of what follows #SBATCH
  int resubmissions = 3;                      // of a trial whose task failed or ran out of time
  std::chrono::milliseconds ask_every{5000};  // squeue
  std::chrono::milliseconds look_every{1000};
  std::function<bool()> stop = stop_requested;
};

// The batch script for these trials (indices of the list). Its process becomes the worker.
// Throws UsageError when a text cannot stand in such a script.
std::string slurm_script(const fs::path& sweep, const SlurmOptions& options,
                         const std::vector<std::size_t>& indices);

// "0-3,7": indices as sbatch --array takes them.
std::string array_text(std::vector<std::size_t> indices);

// Submits what is not done and has no task in the queue, then follows: tasks that failed or ran
// out of time are submitted again, tasks that somebody cancelled are not. Stopping (75) only ends
// the following; the tasks go on, and the same command follows them again. Throws UsageError when
// sbatch refuses or Slurm is not there.
SweepEnd run_on_slurm(const fs::path& sweep, const SweepPlan& plan, const SlurmOptions& options,
                      const ShowBoard& show, Progress& progress);

// The job or array task of Slurm that this process runs in, as scontrol takes it; nothing when it
// runs in none. Not SLURM_JOB_ID: one task of an array has the number of the whole array.
std::optional<std::string> own_slurm_task();

// For a worker that Slurm runs: when Slurm announces the end of its time (SIGUSR1), asks for its
// task to be requeued, which ends the worker (SIGTERM) and starts it again later. While it lives.
class RequeueBeforeTheEnd {
 public:
  // Speaks from a thread of its own.
  RequeueBeforeTheEnd(std::string task, Progress& progress);
  ~RequeueBeforeTheEnd();
  RequeueBeforeTheEnd(const RequeueBeforeTheEnd&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::thread watcher_;
};

}  // namespace stockpot
