// interpolate with sets, ensemble, calibrate and soup curve: their flags.
#include "cli/mix_commands.h"

#include <memory>

#include "cli/analysis_flags.h"
#include "cli/mix_args.h"

namespace stockpot::cli {
namespace {

constexpr const char* kHeldOut = "Held-out set that every choice is made on (a source)";
constexpr const char* kPictures = "the held-out pictures";  // that --bn recompute reads

void add_accept_flag(CLI::App& app, std::string& accept) {
  app.add_option("--accept", accept, "ties (>=, the paper) or strict (>)")
      ->check(CLI::IsMember({"ties", "strict"}));
}

void add_logits_flag(CLI::App& app, fs::path& logits) {
  app.add_option("--logits", logits,
                 "Folder that keeps the logits of every model and set: none is computed twice");
}

void add_ensemble(CLI::App& app, CommandLine& line) {
  CLI::App* command = app.add_subcommand(
      "ensemble", "The mean of the models' logits, of all and greedily chosen, as a reference");
  add_compute(*command, line);
  const auto args = std::make_shared<EnsembleArgs>();
  command->add_option("MODELS", args->models, "Folders of models, or of their logits")->required();
  add_set_flags(*command, args->sets, kHeldOut);
  add_accept_flag(*command, args->accept);
  command->add_flag("--soup", args->soup, "Beside them the mean weights of the same members");
  add_batchnorm_flag(*command, args->sets, kPictures);
  add_logits_flag(*command, args->logits);
  add_place_flag(*command, args->place, "ensemble");
  add_rerun_flags(*command, args->place);
  command->footer(
      "  stockpot ensemble runs/*/model --val photos,split=val --ood sketch=sketches --soup \\\n"
      "      --logits logits -o ensemble\n"
      "  stockpot ensemble logits/*            without a model: from logits that are there");
  command->callback([&line, args] { line.command = TorchCommand{"ensemble", *args}; });
}

void add_calibrate(CLI::App& app, CommandLine& line) {
  CLI::App* command = app.add_subcommand(
      "calibrate", "Confidence against accuracy, before and after a temperature");
  add_compute(*command, line);
  const auto args = std::make_shared<CalibrateArgs>();
  command
      ->add_option("MODELS", args->models,
                   "Folders of models, or logits: a store, or a folder with val.safetensors")
      ->required();
  add_set_flags(*command, args->sets, kHeldOut);
  command->add_option("--bins", args->bins, "Bins of the diagram and of the error (15)")
      ->check(CLI::Range(1, 1000));
  command->add_flag("--ensemble", args->ensemble, "Also the ensemble of all models");
  command->add_flag("--soup", args->soup, "Also the mean of their weights");
  add_batchnorm_flag(*command, args->sets, kPictures);
  add_logits_flag(*command, args->logits);
  add_place_flag(*command, args->place, "calibration");
  add_rerun_flags(*command, args->place);
  command->footer(
      "  stockpot calibrate soup/model --val photos,split=val --ood sketch=sketches -o "
      "calibration\n"
      "  stockpot calibrate logits/soup         a folder of val.safetensors, id.safetensors, ...");
  command->callback([&line, args] { line.command = TorchCommand{"calibrate", *args}; });
}

void add_soup_curve(CLI::App& soup, CommandLine& line) {
  CLI::App* command = soup.add_subcommand(
      "curve", "Accuracy against the number of models, over random subsets of them");
  add_compute(*command, line);
  const auto args = std::make_shared<SoupCurveArgs>();
  command->add_option("MODELS", args->models, "Model folders")->required();
  add_set_flags(*command, args->sets, kHeldOut);
  command->add_option("--sizes", args->sizes, "Numbers of models (1,2,4,8,... and all)")
      ->delimiter(',')
      ->check(CLI::Range(1, 100'000));
  command->add_option("--repeats", args->repeats, "Random orders of the models (5)")
      ->check(CLI::Range(1, 10'000));
  command->add_option("--seed", args->seed, "Seed of the orders (0)")->envname("STOCKPOT_SEED");
  add_accept_flag(*command, args->accept);
  add_place_flag(*command, args->place, "curve");
  add_rerun_flags(*command, args->place);
  command->footer(
      "  stockpot soup curve runs/*/model --val photos,split=val --ood sketch=sketches -o curve");
  command->callback([&line, args] { line.command = TorchCommand{"soup curve", *args}; });
}

}  // namespace

std::shared_ptr<InterpolateArgs> add_interpolate_sets(CLI::App& command) {
  const auto args = std::make_shared<InterpolateArgs>();
  add_set_flags(command, args->sets, kHeldOut);
  command.add_option("--bn-data", args->pictures,
                     "With sets and --bn recompute: pictures for the statistics (a source; labels "
                     "are not looked at)");
  command
      .add_option(
          "--level", args->level,
          "With --val: alphas are as good as the best while a paired test gives more (0.05)")
      ->check(CLI::Range(0.0, 1.0));
  add_place_flag(command, args->place, "interpolation", "--report");
  command.footer(
      "  stockpot interpolate pretrained runs/ft/model --alphas 0:1:11 --val photos,split=val \\\n"
      "      --ood sketch=sketches --report wise -o wise/model\n\n"
      "With sets every point is evaluated; with --val, -o takes the model of the alpha that was\n"
      "chosen there, and may be left out.");
  return args;
}

void add_mix_commands(CLI::App& app, CommandLine& line) {
  add_ensemble(app, line);
  add_calibrate(app, line);
  add_soup_curve(*app.get_subcommand("soup"), line);
}

}  // namespace stockpot::cli
