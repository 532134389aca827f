// stockpot: parses every command line, runs the commands that need no LibTorch, and starts
// stockpot-torch, which lies beside it, for the others (LibTorch costs 0.7 s before main).
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <system_error>
#include <vector>

#include "cli/cmd_sweep.h"
#include "cli/commands.h"
#include "cli/soup_args.h"
#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/base/text.h"

namespace {

using namespace stockpot;
using namespace stockpot::cli;

int start_torch_program(char** argv) {
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path() / "stockpot-torch";
  // OpenMP's threads spin for as long as they like unless told otherwise, and starve each other
  // when the cores are shared. Measured with two other busy processes on two cores: 194 images/s
  // in training and 425 in evaluation with the default, 241 and 920 with this; alone it costs 4 to
  // 6 % of a ResNet's training step. The user's own setting wins.
  if (!std::getenv("OMP_WAIT_POLICY")) setenv("GOMP_SPINCOUNT", "10000", /*overwrite=*/0);
  argv[0] = const_cast<char*>("stockpot-torch");
  // A request to save may come while LibTorch is being loaded, and would end the process.
  signal(SIGUSR1, SIG_IGN);
  execv(program.c_str(), argv);
  throw UsageError("cannot start " + printable(program.string()) + ": " +
                   std::generic_category().message(errno) +
                   "; this command needs stockpot-torch beside stockpot (was it built without "
                   "LibTorch?)");
}

int run(const CommandLine& line, char** argv) {
  if (std::get_if<VersionArgs>(&line.command)) return cmd_version(line);
  if (const auto* command = std::get_if<CheckpointCommand>(&line.command))
    return command->run(line);
  if (const auto* args = std::get_if<ReportArgs>(&line.command)) return cmd_report(*args, line);
  if (const auto* args = std::get_if<ConfigArgs>(&line.command)) return cmd_config(*args, line);
  if (const auto* soup = std::get_if<std::shared_ptr<const SoupArgs>>(&line.command);
      soup && !(*soup)->built_in())
    return (*soup)->method == "uniform" ? cmd_soup_uniform(**soup, line)
                                        : cmd_soup_search(**soup, line);
  if (const auto* sweep = std::get_if<std::shared_ptr<const SweepRunArgs>>(&line.command);
      sweep && !(*sweep)->shared())
    return run_sweep_run(**sweep, line);
  return start_torch_program(argv);
}

}  // namespace

int main(int argc, char** argv) {
  install_signal_handlers();
  const auto parsed = parse_command_line(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  return guarded([&] { return run(std::get<CommandLine>(parsed), argv); });
}
