// inspect PATH: what is in a checkpoint.
#include <iostream>
#include <memory>

#include "cli/checkpoint_commands.h"
#include "cli/look_commands.h"
#include "cli/terminal.h"
#include "cli/write_commands.h"
#include "stockpot/checkpoint/describe.h"
#include "stockpot/merge/patterns.h"

namespace stockpot::cli {
namespace {

struct InspectArgs {
  fs::path path;
  bool hash = false, verbose = false;
  OpenFlags open;
  std::string filter;
};

int run_inspect(const InspectArgs& args, const CommandLine& line) {
  use_threads(line);
  DescribeOptions options;
  options.hash = args.hash;
  options.open = args.open.options();
  if (!args.filter.empty())
    options.wanted = [pattern = NamePattern(args.filter)](std::string_view name) {
      return pattern.matches(name);
    };
  const Json description = describe(args.path, options);
  if (line.json)
    std::cout << description.dump(2) << "\n";
  else
    std::cout << describe_text(description, {.width = static_cast<std::size_t>(terminal_width()),
                                             .all_tensors = args.verbose});
  return 0;
}

}  // namespace

void add_inspect(CLI::App& app, CommandLine& line) {
  CLI::App* command = app.add_subcommand("inspect", "What is in a checkpoint or model folder");
  add_common(*command, line);
  add_threads(*command, line);
  const auto args = std::make_shared<InspectArgs>();
  command->add_option("PATH", args->path, "File or folder; a folder of checkpoints is listed")
      ->required();
  command->add_flag("--hash", args->hash, "Also the content hash: reads all values");
  add_open_flags(*command, args->open);
  command->add_option("--filter", args->filter, "List only tensors whose name matches (regex)");
  command->add_flag("-v,--verbose", args->verbose, "List every tensor, not blocks");
  command->callback([&line, args] {
    line.command =
        CheckpointCommand{[args](const CommandLine& parsed) { return run_inspect(*args, parsed); }};
  });
}

}  // namespace stockpot::cli
