// The flags of `stockpot compare`.
#include "cli/checkpoint_commands.h"
#include "cli/cmd_compare.h"

namespace stockpot::cli {

void add_compare(CLI::App& app, CommandLine& line) {
  CLI::App* command = app.add_subcommand(
      "compare", "Which of two methods or runs is better, paired by seed and by picture");
  add_common(*command, line);
  const auto args = std::make_shared<CompareArgs>();
  command
      ->add_option("RUN", args->runs,
                   "Folder of a finished run; with several, each is compared with the first")
      ->required();
  command
      ->add_option("--method", args->methods,
                   "Only these methods, such as lpft-frozen; repeat for more")
      ->allow_extra_args(false);
  command->add_option(
      "--against", args->against,
      "A method of the first RUN (the same one; within a run the FT that is best on "
      "held-out data)");
  command->footer(
      "Example: stockpot compare runs/pacs --method lpft-frozen --against ft-live\n"
      "         stockpot compare runs/good-features runs/poor-features --json");
  command->callback([&line, args] { line.command = TorchCommand{"compare", *args}; });
}

}  // namespace stockpot::cli
