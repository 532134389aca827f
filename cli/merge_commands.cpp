// average, interpolate, merge.
#include <memory>

#include "cli/checkpoint_commands.h"
#include "cli/merge_request.h"
#include "cli/mix_args.h"
#include "cli/mix_commands.h"
#include "stockpot/base/error.h"

namespace stockpot::cli {

void add_merge_commands(CLI::App& app, CommandLine& line) {
  // Filled below: interpolate has flags of its own, which its callback looks at.
  const auto sets = std::make_shared<std::shared_ptr<InterpolateArgs>>();
  add_merge_requests(app, [&line, sets](const MergeRequest& request) {
    const bool interpolates = request.command == "interpolate";
    if (interpolates && (*sets)->sets.any()) {
      InterpolateArgs args = **sets;
      args.request = request;
      args.place.overwrite = request.written.overwrite;
      args.place.plan_only = request.written.dry_run;
      line.command = TorchCommand{"interpolate", std::move(args)};
      return;
    }
    line.command = CheckpointCommand{[request](const CommandLine& parsed) {
      if (request.output.empty())
        throw UsageError("interpolate needs -o OUTPUT, or sets (--val, --id, --ood)");
      return cmd_merge(request, parsed);
    }};
  });
  *sets = add_interpolate_sets(*app.get_subcommand("interpolate"));
  // The flags that every command has.
  const auto add = [&line](CLI::App* command) {
    add_common(*command, line);
    add_threads(*command, line);
  };
  add(app.get_subcommand("average"));
  add_compute(*app.get_subcommand("interpolate"), line);
  for (CLI::App* method : app.get_subcommand("merge")->get_subcommands({})) add(method);
}

}  // namespace stockpot::cli
