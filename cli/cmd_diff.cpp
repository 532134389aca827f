// diff A B: how two checkpoints differ.
#include <iostream>
#include <memory>
#include <optional>

#include "cli/checkpoint_commands.h"
#include "cli/look_commands.h"
#include "cli/terminal.h"
#include "stockpot/compare/diff.h"

namespace stockpot::cli {
namespace {

struct DiffArgs {
  fs::path a, b;
  std::size_t top = 10;
  std::optional<double> tolerance;
  std::optional<std::string> state_key;
  bool exit_code = false;
};

int run_diff(const DiffArgs& args, const CommandLine& line) {
  use_threads(line);
  TerminalProgress progress(line.quiet);
  OpenOptions options;
  options.state_key = args.state_key;
  const Checkpoint a = Checkpoint::open(args.a, options), b = Checkpoint::open(args.b, options);
  const CheckpointDiff result = diff(a, b, {.tolerance = args.tolerance}, progress);
  if (line.json)
    std::cout << to_json(result).dump(2) << "\n";
  else
    std::cout << diff_text(result,
                           {.width = static_cast<std::size_t>(terminal_width()), .top = args.top});
  return args.exit_code && !result.equal ? 1 : 0;
}

}  // namespace

void add_diff(CLI::App& app, CommandLine& line) {
  CLI::App* command = app.add_subcommand("diff", "How two checkpoints differ, by block and tensor");
  add_common(*command, line);
  add_threads(*command, line);
  const auto args = std::make_shared<DiffArgs>();
  command->add_option("A", args->a, "File or folder")->required();
  command->add_option("B", args->b, "File or folder")->required();
  command->add_option("--top", args->top, "Rows of each table (10); 0: all");
  command
      ->add_option("--tolerance", args->tolerance,
                   "Elements at most this far apart count as equal (default: equal bits)")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--state-key", args->state_key,
                      "Which dict of torch files to read, such as state_dict_ema");
  command->add_flag("--exit-code", args->exit_code, "Exit with 1 when they are not equal");
  command->callback([&line, args] {
    line.command =
        CheckpointCommand{[args](const CommandLine& parsed) { return run_diff(*args, parsed); }};
  });
}

}  // namespace stockpot::cli
