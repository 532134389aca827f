// What every worker does around its training.
#include <iostream>
#include <optional>

#include "cli/cmd_sweep.h"
#include "cli/terminal.h"
#include "stockpot/base/text.h"
#include "stockpot/sweep/slurm.h"

namespace stockpot::cli {

int work_on_sweep(const SweepWorkerArgs& args, const CommandLine& line, const SweepPlan& plan,
                  const RunTrial& run,
                  const std::function<bool(const std::exception&)>& is_divergence) {
  WorkerOptions options;
  options.index = args.index;
  options.max_trials = args.max_trials;
  options.wait = args.wait;
  options.retries = plan.retries;
  options.heartbeat = plan.heartbeat;
  options.is_divergence = is_divergence;
  TerminalProgress progress(line.quiet);
  std::optional<RequeueBeforeTheEnd> requeue;
  const auto task = own_slurm_task();
  if (args.self_requeue && task) requeue.emplace(*task, progress);
  const WorkSummary summary = work(args.sweep, plan.trials, run, options, progress);
  if (summary.whole) return 0;
  std::cerr << "stockpot: " << printable(summary.trouble) << "\n";
  return 5;
}

}  // namespace stockpot::cli
