// The flags of `stockpot diagnose`.
#include "cli/checkpoint_commands.h"
#include "cli/cmd_diagnose.h"

namespace stockpot::cli {

void add_diagnose(CLI::App& app, CommandLine& line) {
  CLI::App* diagnose = app.add_subcommand("diagnose", "Why a fine-tuned model does as it does");
  diagnose->require_subcommand(1);
  CLI::App* command = diagnose->add_subcommand(
      "distortion", "How training moved features, spans, classes and the head, ID and OOD");
  add_compute(*command, line);
  const auto args = std::make_shared<DiagnoseArgs>();
  command->add_option("BEFORE", args->before, "The pretrained (or LP) model")->required();
  command->add_option("AFTER", args->after, "Folders of the models that were trained from it")
      ->required();
  command->add_option("--id", args->id, "ID set: held-out or test (a source)")->required();
  command->add_option("--ood", args->ood, "OOD set: NAME=SOURCE; repeat for more sets");
  command->add_flag("--skip-bad", args->skip_unreadable, "Leave out unreadable pictures (counted)");
  CLI::Option* share =
      command->add_option("--share", args->share, "Share of the variance that a span holds (0.95)");
  command->add_option("--rank", args->rank, "Or the dimensions of every span")->excludes(share);
  command->add_option("--seed", args->seed, "Seed of the bootstrap (0)")->envname("STOCKPOT_SEED");
  command->add_flag("!--no-layers", args->layers, "Measure the final features alone");
  command->add_option("-o,--out", args->out, "Folder for distortion.json and distortion.html");
  command->add_flag("--overwrite", args->overwrite, "Replace these files");
  command->footer(
      "Example: stockpot diagnose distortion pretrained runs/ft/model runs/lpft/model --id "
      "photos/test --ood sketch=sketches");
  command->callback([&line, args] { line.command = TorchCommand{"diagnose distortion", *args}; });
}

}  // namespace stockpot::cli
