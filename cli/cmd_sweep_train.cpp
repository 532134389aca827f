// sweep worker: the training side.
#include "cli/cmd_sweep.h"
#include "cli/terminal.h"
#include "stockpot/pipeline/sweep_training.h"

namespace stockpot::cli {

int cmd_sweep_worker(const SweepWorkerArgs& args, const CommandLine& line) {
  TerminalProgress progress(line.quiet);
  const SweepInputs inputs(args.sweep, progress);
  SweepTrainer trainer(inputs, line.device.value_or(inputs.recipe().device), progress);
  return work_on_sweep(args, line, inputs.plan(), std::ref(trainer), is_divergence);
}

}  // namespace stockpot::cli
