// doctor FILES...: can these checkpoints be averaged?
#include <iostream>
#include <memory>
#include <optional>

#include "cli/checkpoint_commands.h"
#include "cli/look_commands.h"
#include "cli/terminal.h"
#include "stockpot/compare/doctor.h"

namespace stockpot::cli {
namespace {

constexpr int kCannotBeAveraged = 3;  // as for bad input data

struct DoctorArgs {
  std::vector<fs::path> models;
  fs::path base;
  std::optional<std::string> state_key;
};

int run_doctor(const DoctorArgs& args, const CommandLine& line) {
  use_threads(line);
  TerminalProgress progress(line.quiet);
  std::vector<Checkpoint> models;
  OpenOptions options;
  options.state_key = args.state_key;
  for (const fs::path& path : args.models) models.push_back(Checkpoint::open(path, options));
  std::optional<Checkpoint> base;
  if (!args.base.empty()) base = Checkpoint::open(args.base);
  const DoctorReport report = doctor(models, base ? &*base : nullptr, progress);
  if (line.json)
    std::cout << to_json(report).dump(2) << "\n";
  else
    std::cout << doctor_text(report, static_cast<std::size_t>(terminal_width()));
  return report.verdict() == Severity::failure ? kCannotBeAveraged : 0;
}

}  // namespace

void add_doctor(CLI::App& app, CommandLine& line) {
  CLI::App* command = app.add_subcommand("doctor", "Can these checkpoints be averaged?");
  add_common(*command, line);
  add_threads(*command, line);
  const auto args = std::make_shared<DoctorArgs>();
  command->add_option("MODELS", args->models, "Two or more files or folders")->required();
  command->add_option("--base", args->base, "The checkpoint that all were fine-tuned from");
  command->add_option("--state-key", args->state_key,
                      "Which dict of torch files to read, such as state_dict_ema");
  command->footer("Exit code 0: they can be averaged (maybe with warnings); 3: they cannot.");
  command->callback([&line, args] {
    line.command =
        CheckpointCommand{[args](const CommandLine& parsed) { return run_doctor(*args, parsed); }};
  });
}

}  // namespace stockpot::cli
