#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "cli/cmd_sweep.h"
#include "cli/live_board.h"
#include "cli/terminal.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/sweep/launch.h"
#include "stockpot/sweep/slurm.h"

namespace stockpot::cli {
namespace {

int jobs_of(const SweepRunArgs& args, const SweepPlan& plan) {
  if (args.jobs > 0) return args.jobs;
  const Json* jobs = plan.origin.find("jobs");
  return jobs && jobs->is_integer()
             ? static_cast<int>(std::clamp<std::int64_t>(jobs->as_integer(), 1, 4096))
             : 1;
}

std::vector<std::string> worker_command(const SweepRunArgs& args) {
  const std::string program = args.worker.empty() ? fs::read_symlink("/proc/self/exe").string()
                                                  : fs::absolute(args.worker).string();
  return {program, "sweep", "worker", fs::absolute(args.sweep).string()};
}

SlurmOptions slurm_options(const SweepRunArgs& args, const CommandLine& line) {
  SlurmOptions options;
  options.command = worker_command(args);
  if (args.self_requeue) options.command.push_back("--requeue");
  // Not every Slurm keeps a task to its cores; and a run only goes on with as many threads.
  const std::int64_t threads = line.threads > 0 ? line.threads : args.cpus;
  if (threads > 0)
    options.command.insert(options.command.end(), {"--threads", std::to_string(threads)});
  if (!args.devices.empty())
    options.command.insert(options.command.end(), {"--device", args.devices.front()});
  options.partition = args.partition;
  options.time_limit = args.time_limit;
  options.memory = args.memory;
  options.cpus = args.cpus;
  options.at_once = args.jobs;
  options.signal_seconds = args.signal_seconds;
  options.lines = args.lines;
  options.ask_every = std::chrono::milliseconds(static_cast<std::int64_t>(1000 * args.ask_seconds));
  return options;
}

int finish(const SweepEnd& end, const CommandLine& line) {
  if (line.json)
    std::cout << to_json(end.board).dump(2) << "\n";
  else if (line.quiet || !is_live_terminal(STDERR_FILENO))  // else it is on the screen
    std::cout << headline(end.board) << "\n";
  if (end.code == 75)
    std::cerr << "stockpot: " << end.message << "; run the same command again to continue\n";
  else if (end.code != 0)
    std::cerr << "stockpot: " << end.message << "\n";
  return end.code;
}

}  // namespace

int run_sweep_run(const SweepRunArgs& args, const CommandLine& line, const ForkedWorkers& workers) {
  const SweepPlan plan = read_plan(args.sweep);
  LiveBoard live(line.quiet, /*every_trial=*/false);
  SweepFollower follower(args.sweep, plan, args.targets, live);
  const ShowBoard show = [&](const Board& board) { follower.show(board); };
  if (args.launcher == "slurm") {
    const SlurmOptions options = slurm_options(args, line);
    if (args.script_only) {
      std::vector<std::size_t> all(plan.trials.size());
      for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
      std::cout << slurm_script(args.sweep, options, all);
      return 0;
    }
    return finish(run_on_slurm(args.sweep, plan, options, show, live), line);
  }
  if (args.script_only) throw UsageError("--script needs --launcher slurm");
  LaunchOptions options;
  options.command = worker_command(args);
  options.worker = workers.run;
  options.share_devices = workers.share_devices;
  options.jobs = jobs_of(args, plan);
  options.devices = args.devices;
  options.threads = static_cast<int>(line.threads);
  return finish(launch(args.sweep, plan, options, show, live), line);
}

}  // namespace stockpot::cli
