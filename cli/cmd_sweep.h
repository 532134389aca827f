// sweep init, run, worker, status, retry, export. All but worker run in the torch-free program.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/sweep_follower.h"
#include "stockpot/sweep/launch.h"
#include "stockpot/sweep/plan_file.h"
#include "stockpot/sweep/worker.h"

namespace CLI {
class App;
}

namespace stockpot::cli {

struct SweepInitArgs {
  fs::path recipe, out;
  std::vector<std::string> overrides;  // key=value
  bool plan_only = false;
};

struct SweepRunArgs {
  // Workers are processes of this one, which decodes their pictures once.
  bool shared() const { return launcher == "local" && worker.empty() && !script_only; }

  fs::path sweep;
  std::string launcher = "local";
  int jobs = 0;  // 0: what the recipe says
  std::vector<std::string> devices;
  std::string workers = "auto";  // processes, threads (of a process for each device), auto
  std::string worker;            // another program in place of stockpot
  bool script_only = false;
  bool self_requeue = true;
  // Slurm
  std::string partition, time_limit, memory;
  int cpus = 0, signal_seconds = 120;
  double ask_seconds = 5;
  std::vector<std::string> lines;
  FollowTargets targets;
};

struct SweepStatusArgs {
  fs::path sweep;
  bool watch = false, every_trial = false;
  FollowTargets targets;
};

struct SweepRetryArgs {
  fs::path sweep;
  std::vector<std::string> ids;
};

struct SweepExportArgs {
  fs::path sweep, output;
};

int run_sweep_init(const SweepInitArgs& args, const CommandLine& line);
// What runs in forks of this process instead of the program `stockpot`.
struct ForkedWorkers {
  std::function<int(const WorkerSeat&)> run;
  bool share_devices = false;  // LaunchOptions
};
int run_sweep_run(const SweepRunArgs& args, const CommandLine& line,
                  const ForkedWorkers& workers = {});
int run_sweep_status(const SweepStatusArgs& args, const CommandLine& line);
int run_sweep_retry(const SweepRetryArgs& args, const CommandLine& line);
int run_sweep_export(const SweepExportArgs& args, const CommandLine& line);

// What every worker does around its training: `run` is called for one trial after another.
// `is_divergence` names the exceptions that mark a trial instead of failing it. Returns the exit
// code: 0, or 5 when trials were given up; throws what work() throws.
int work_on_sweep(const SweepWorkerArgs& args, const CommandLine& line, const SweepPlan& plan,
                  const RunTrial& run,
                  const std::function<bool(const std::exception&)>& is_divergence);

}  // namespace stockpot::cli
