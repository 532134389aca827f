// verify PATH: is a checkpoint whole?
#include <iostream>
#include <memory>

#include "cli/checkpoint_commands.h"
#include "cli/look_commands.h"
#include "cli/rederive.h"
#include "cli/terminal.h"
#include "stockpot/compare/verify.h"

namespace stockpot::cli {
namespace {

constexpr int kNotWhole = 3;  // as for bad input data

struct VerifyArgs {
  fs::path path;
  bool sha256 = false, skip_rederive = false;
};

int run_verify(const VerifyArgs& args, const CommandLine& line) {
  use_threads(line);
  TerminalProgress progress(line.quiet);
  VerifyOptions options{args.sha256, {}};
  if (!args.skip_rederive) options.make_again = rederive;
  const VerifyReport report = verify(args.path, options, progress);
  if (line.json)
    std::cout << to_json(report).dump(2) << "\n";
  else
    std::cout << verify_text(report, static_cast<std::size_t>(terminal_width()));
  return report.whole() ? 0 : kNotWhole;
}

}  // namespace

void add_verify(CLI::App& app, CommandLine& line) {
  CLI::App* command = app.add_subcommand("verify", "Is a checkpoint whole? Reads every byte");
  add_common(*command, line);
  add_threads(*command, line);
  const auto args = std::make_shared<VerifyArgs>();
  command->add_option("PATH", args->path, "File, folder or manifest")->required();
  command->add_flag("--sha256", args->sha256, "Also the SHA-256 of each file");
  command->add_flag("--no-rederive", args->skip_rederive,
                    "Don't make the checkpoint again from the inputs in its manifest");
  command->footer("Exit code 0: whole; 3: not.");
  command->callback([&line, args] {
    line.command =
        CheckpointCommand{[args](const CommandLine& parsed) { return run_verify(*args, parsed); }};
  });
}

}  // namespace stockpot::cli
