// stockpot-torch: the commands that need LibTorch. Started by stockpot.
#include <iostream>

#include "cli/commands.h"
#include "cli/soup_args.h"
#include "cli/torch_commands.h"
#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/base/threads.h"
#include "stockpot/model/runtime.h"

namespace {

using namespace stockpot;
using namespace stockpot::cli;

int run(const CommandLine& line) {
  set_threads(line.threads > 0 ? static_cast<int>(line.threads) : machine_cores());
  set_torch_threads(threads());
  keep_freed_memory();
  use_reproducible_kernels();
  if (blas_is_slow() && !line.quiet)
    std::cerr << "stockpot: LibTorch uses the slow reference BLAS here (" << blas_description()
              << "); install libopenblas0-pthread for more than ten times the speed\n";
  if (const auto* args = std::get_if<RunArgs>(&line.command)) return cmd_run(*args, line);
  if (const auto* args = std::get_if<MethodArgs>(&line.command)) return cmd_method(*args, line);
  if (const auto* args = std::get_if<EvalArgs>(&line.command)) return cmd_eval(*args, line);
  if (const auto* sweep = std::get_if<std::shared_ptr<const SweepRunArgs>>(&line.command))
    return cmd_sweep_run(**sweep, line);
  if (const auto* args = std::get_if<SweepWorkerArgs>(&line.command))
    return cmd_sweep_worker(*args, line);
  if (const auto* command = std::get_if<TorchCommand>(&line.command))
    return run_torch_command(*command, line);
  if (const auto* soup = std::get_if<std::shared_ptr<const SoupArgs>>(&line.command);
      soup && (*soup)->built_in())
    return (*soup)->method == "uniform" ? cmd_soup_uniform_pictures(**soup, line)
                                        : cmd_soup_greedy(**soup, line);
  throw UsageError("stockpot-torch is started by stockpot; run that instead");
}

}  // namespace

int main(int argc, char** argv) {
  install_signal_handlers();
  const auto parsed = parse_command_line(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  return guarded([&] { return run(std::get<CommandLine>(parsed)); });
}
