// sweep run and sweep worker: the training side.
#include "cli/cmd_sweep.h"
#include "cli/terminal.h"
#include "stockpot/base/threads.h"
#include "stockpot/model/runtime.h"
#include "stockpot/pipeline/sweep_training.h"
#include "stockpot/sweep/board.h"

namespace stockpot::cli {

int cmd_sweep_run(const SweepRunArgs& args, const CommandLine& line) {
  const SweepPlan plan = read_plan(args.sweep);
  if (scan(args.sweep, plan.trials, plan.retries).all_final()) return run_sweep_run(args, line);
  TerminalProgress progress(line.quiet);
  // Read once: the workers are forks.
  const SweepInputs inputs(args.sweep, progress);
  return run_sweep_run(args, line, [&](const WorkerSeat& seat) {
    return guarded([&] {
      set_threads(seat.threads);
      set_torch_threads(seat.threads);
      CommandLine worker = line;
      worker.quiet = true;
      worker.device = seat.device.empty() ? line.device : seat.device;
      TerminalProgress log(worker.quiet);
      SweepTrainer trainer(inputs, worker.device.value_or(inputs.recipe().device), log);
      SweepWorkerArgs work;
      work.sweep = args.sweep;
      return work_on_sweep(work, worker, inputs.plan(), std::ref(trainer), is_divergence);
    });
  });
}

int cmd_sweep_worker(const SweepWorkerArgs& args, const CommandLine& line) {
  TerminalProgress progress(line.quiet);
  const SweepInputs inputs(args.sweep, progress);
  SweepTrainer trainer(inputs, line.device.value_or(inputs.recipe().device), progress);
  return work_on_sweep(args, line, inputs.plan(), std::ref(trainer), is_divergence);
}

}  // namespace stockpot::cli
