// average, interpolate, merge.
#include <memory>

#include "cli/checkpoint_commands.h"
#include "cli/merge_request.h"

namespace stockpot::cli {

void add_merge_commands(CLI::App& app, CommandLine& line) {
  add_merge_requests(app, [&line](const MergeRequest& request) {
    line.command = CheckpointCommand{
        [request](const CommandLine& parsed) { return cmd_merge(request, parsed); }};
  });
  // The flags that every command has.
  const auto add = [&line](CLI::App* command) {
    add_common(*command, line);
    add_threads(*command, line);
  };
  add(app.get_subcommand("average"));
  add(app.get_subcommand("interpolate"));
  for (CLI::App* method : app.get_subcommand("merge")->get_subcommands({})) add(method);
}

}  // namespace stockpot::cli
