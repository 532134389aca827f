// The flags of `stockpot soup learned`.
#include <memory>

#include "cli/checkpoint_commands.h"
#include "cli/cmd_soup_learned.h"

namespace stockpot::cli {
namespace {

constexpr const char* kFooter =
    "Learns how much of each model goes into the soup, by the exact gradient of the loss on the\n"
    "held-out pictures, in the memory of one model and its gradient. Repeat the command to go "
    "on.\n\n"
    "  stockpot soup learned runs/*/model --val photos,split=val -o soup\n"
    "  stockpot soup learned runs/*/model --val photos,split=val -o soup --rows tensor \\\n"
    "      --start greedy --greedy greedy-soup\n";

void add_learning(CLI::App& app, LearnedArgs& args) {
  app.add_option("--rows", args.rows, "What has coefficients of its own: global, block or tensor")
      ->check(CLI::IsMember({"global", "block", "tensor"}));
  app.add_option("--form", args.form, "softmax (positive, sum 1) or free (any numbers)")
      ->check(CLI::IsMember({"softmax", "free"}));
  app.add_flag("--no-temperature", args.no_temperature, "Don't learn a factor of the logits");
  app.add_option("--optimizer", args.learner,
                 "adamw (a step for each batch, as the paper's program) or lbfgs (all pictures)")
      ->check(CLI::IsMember({"adamw", "lbfgs"}));
  app.add_option("--lr", args.learning_rate,
                 "Of adamw, constant (0.05; free coefficients: 0.05 over the number of models)")
      ->check(CLI::PositiveNumber);
  app.add_option("--epochs", args.epochs, "Of adamw (5)")->check(CLI::Range(1, 100'000));
  app.add_option("--batch", args.batch, "Pictures at a time (256)")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--iterations", args.iterations, "Of lbfgs, at most (30)")
      ->check(CLI::Range(1, 100'000));
  app.add_option("--seed", args.seed, "Of the order of the pictures (0)")->envname("STOCKPOT_SEED");
  app.add_option("--save-every", args.save_every, "Seconds between saved states (20)")
      ->check(CLI::NonNegativeNumber);
}

void add_start(CLI::App& app, LearnedArgs& args) {
  app.add_option("--start", args.start,
                 "uniform; greedy (see --greedy, --chosen); ensemble (the best mixture of the "
                 "models' logits)")
      ->check(CLI::IsMember({"uniform", "greedy", "ensemble"}));
  app.add_option("--greedy", args.greedy, "Folder that `soup greedy` left");
  app.add_option("--chosen", args.chosen, "An ingredient of the greedy soup; repeat for more")
      ->allow_extra_args(false);
  app.add_option("--logits", args.logits,
                 "Folder that `eval --val SOURCE --logits FOLDER` left for the models; without it "
                 "each model is run once for --start ensemble");
}

}  // namespace

void add_soup_learned(CLI::App& soup, CommandLine& line) {
  CLI::App* command =
      soup.add_subcommand("learned", "Learn the weights of the models on held-out pictures");
  const auto args = std::make_shared<LearnedArgs>();
  add_compute(*command, line);
  command->add_option("MODELS", args->models, "Model folders")->required();
  command->add_option("--val", args->held_out, "Held-out pictures to learn on (a source)");
  command->add_option("--recipe", args->recipe, "Or those of this recipe, run or sweep")
      ->excludes("--val");
  command->add_option(
      "--train", args->train,
      "What the models were trained on (a source), to warn of held-out pictures that are in "
      "it; none: don't look (that of the models' run)");
  command
      ->add_option("-o,--output", args->output,
                   "A folder (model/, result.json); repeat the command to continue it")
      ->required();
  add_learning(*command, *args);
  add_start(*command, *args);
  command
      ->add_option("--bn", args->batchnorm,
                   "BatchNorm statistics: mixed (by the coefficients), average, keep, variance")
      ->check(CLI::IsMember({"mixed", "average", "keep", "variance"}));
  command
      ->add_option("--keep", args->keep,
                   "Where the models are meanwhile: auto, files (read twice a step), bf16 or int8 "
                   "(differences in the device's memory)")
      ->check(CLI::IsMember({"auto", "files", "bf16", "int8"}));
  command->add_option("--map", args->mapped,
                      "Memory for files that stay mapped between steps, such as 8GB (0): faster "
                      "when it is free");
  add_output_flags(*command, args->written);
  command->footer(kFooter);
  command->callback([&line, args] { line.command = TorchCommand{"soup learned", *args}; });
}

}  // namespace stockpot::cli
