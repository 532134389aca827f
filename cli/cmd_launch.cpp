// launch: one command on several processes of this machine that train together.
#include <iostream>
#include <memory>

#include "cli/checkpoint_commands.h"
#include "cli/rank_processes.h"

namespace stockpot::cli {
namespace {

struct LaunchArgs {
  RankCommand command;
  int patience = 30;
};

// What starting again can mend: not a wrong command line or recipe (2), bad data (3), a
// request to stop (75, 130, or a signal that was passed on).
bool worth_another_try(const RanksEnd& end) {
  for (const int code : {0, 2, 3, 75, 130})
    if (end.code == code) return false;
  return !end.told_to;
}

int launch(const LaunchArgs& args, const CommandLine& line) {
  RankCommand command = args.command;
  while (true) {
    const RanksEnd end = run_ranks(command, args.patience);
    if (command.restart == command.restarts || !worth_another_try(end)) return end.code;
    ++command.restart;
    if (!line.quiet)
      std::cerr << "stockpot: rank " << end.first << " ended with " << end.code
                << "; starting all again (" << command.restart << " of " << command.restarts
                << ")\n";
  }
}

}  // namespace

void add_launch(CLI::App& app, CommandLine& line) {
  const auto args = std::make_shared<LaunchArgs>();
  CLI::App* command = app.add_subcommand(
      "launch", "One command on several processes of this machine that train together");
  command->add_flag("-q,--quiet", line.quiet, "Do not tell when all are started again");
  command->add_option("-n,--ranks", args->command.ranks, "Number of processes")
      ->required()
      ->check(CLI::Range(1, 1024));
  command
      ->add_option("--restarts", args->command.restarts,
                   "Start all again this often when one fails (0)")
      ->check(CLI::Range(0, 1000));
  command
      ->add_option("--patience", args->patience,
                   "Seconds that the others get to end when one failed (30)")
      ->check(CLI::Range(0, 86400));
  command->add_option("CMD", args->command.words, "After --: the command and its arguments")
      ->required();
  command->footer("stockpot launch -n 2 -- stockpot finetune MODEL --train photos --out run");
  command->callback([args, &line] {
    line.command =
        CheckpointCommand{[args](const CommandLine& given) { return launch(*args, given); }};
  });
}

}  // namespace stockpot::cli
