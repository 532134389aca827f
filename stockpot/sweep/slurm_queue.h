// What Slurm's own programs say and do: sbatch, squeue, scontrol.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/file.h"

namespace stockpot {

struct QueuedTask {
  std::string job;  // of the array
  std::size_t index = 0;
  std::string state;   // PENDING, RUNNING, COMPLETING, ...
  std::string reason;  // why it waits: Resources, BeginTime, JobHeldUser, ...
};

// Submits a batch script; the number of its job. Throws UsageError with what sbatch says.
std::string submit_batch(const fs::path& script);

// This user's array tasks that have not ended. Nothing when squeue gets no answer.
std::optional<std::vector<QueuedTask>> queued_tasks();

// "FAILED", "TIMEOUT", "CANCELLED", ... of a task; "" when Slurm has forgotten it.
std::string state_of_task(const std::string& job, std::size_t index);

// Asks for a task to be stopped and started again later; what scontrol says when it refuses.
std::string requeue(const std::string& task);

}  // namespace stockpot
