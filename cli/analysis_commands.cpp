// shifts, angles, plane and gap: their flags.
#include "cli/analysis_commands.h"

#include <memory>

#include "cli/analysis_flags.h"

namespace stockpot::cli {
namespace {

void add_place(CLI::App& app, AnalysisPlace& place, const std::string& name, bool resumes) {
  add_place_flag(app, place, name, "-o,--out",
                 resumes ? "; repeat the command to continue it" : "");
  add_rerun_flags(app, place);
}

void add_sets(CLI::App& app, AnalysisSets& sets, const std::string& held_out) {
  app.add_option("--train", sets.train, "Training set (a source)");
  add_set_flags(app, sets, held_out);
  add_batchnorm_flag(app, sets, "the first set's pictures");
}

void add_pairs(CLI::App& app, std::size_t& pairs, std::uint64_t& seed) {
  app.add_option("--pairs", pairs, "Look at this many pairs only, drawn at random (all)");
  app.add_option("--seed", seed, "Seed of the drawing (0)")->envname("STOCKPOT_SEED");
}

void add_shifts(CLI::App& app, CommandLine& line) {
  CLI::App* command = app.add_subcommand(
      "shifts", "ID against OOD over many models: effective robustness, learning rate and drop");
  add_common(*command, line);
  const auto args = std::make_shared<ShiftsArgs>();
  command
      ->add_option("RESULTS", args->results,
                   "Folders of runs, results.json, documents of eval --json, or tables (CSV, TSV)")
      ->required();
  command->add_option("--id", args->id, "The ID set, or its column (the ID test set)");
  command->add_option("--ood", args->ood, "An OOD set, or its column; repeat for more (all)");
  command->add_option("--axes", args->axes, "Where lines are fitted: logit, probit or linear")
      ->check(CLI::IsMember({"logit", "probit", "linear"}));
  add_place(*command, args->place, "shifts", false);
  command->footer(
      "A table has the columns 'name', perhaps 'kind' and 'lr', and one a set with accuracies\n"
      "between 0 and 1.\n\n"
      "  stockpot eval sweep/runs/*/model --id photos --ood sketch=sketches --json > eval.json\n"
      "  stockpot shifts eval.json -o shifts");
  command->callback([&line, args] {
    line.command =
        CheckpointCommand{[args](const CommandLine& parsed) { return run_shifts(*args, parsed); }};
  });
}

void add_angles(CLI::App& app, CommandLine& line) {
  CLI::App* command = app.add_subcommand(
      "angles", "Norms of task vectors and the angles between them, and what averaging gains");
  add_compute(*command, line);
  const auto args = std::make_shared<AnglesArgs>();
  command->add_option("MODELS", args->models, "Two or more files or folders")->required();
  command->add_option("--base", args->base, "The checkpoint that all were fine-tuned from")
      ->required();
  command->add_flag("--no-head", args->no_head, "Leave the classification head out");
  add_sets(*command, args->sets, "Held-out set (a source): with sets, pairs are averaged too");
  add_pairs(*command, args->pairs, args->seed);
  add_place(*command, args->place, "angles", true);
  command->footer(
      "  stockpot angles sweep/runs/*/model --base lp/model -o angles\n"
      "  stockpot angles sweep/runs/*/model --base lp/model --id photos --pairs 200 -o angles");
  command->callback([&line, args] {
    if (args->sets.any())
      line.command = TorchCommand{"angles", *args};
    else
      line.command = CheckpointCommand{
          [args](const CommandLine& parsed) { return run_angles(*args, parsed); }};
  });
}

void add_plane(CLI::App& app, CommandLine& line) {
  CLI::App* command = app.add_subcommand(
      "plane", "Error and loss on the plane through three models in weight space");
  add_compute(*command, line);
  const auto args = std::make_shared<PlaneArgs>();
  command->add_option("A", args->models[0], "Model folder: the origin, such as the first model")
      ->required();
  command->add_option("B", args->models[1], "Model folder: on the first axis")->required();
  command->add_option("C", args->models[2], "Model folder")->required();
  add_sets(*command, args->sets, "Held-out set (a source)");
  command->add_option("--grid", args->grid, "Points along the longer side (21)")
      ->check(CLI::Range(2, 1000));
  command->add_option("--margin", args->margin, "Room around the models, over that side (0.2)")
      ->check(CLI::Range(0.0, 10.0));
  add_place(*command, args->place, "plane", true);
  command->footer(
      "  stockpot plane lp/model runs/a/model runs/b/model --val photos,split=val \\\n"
      "      --ood sketch=sketches -o plane");
  command->callback([&line, args] { line.command = TorchCommand{"plane", *args}; });
}

void add_gap(CLI::App& app, CommandLine& line) {
  CLI::App* command = app.add_subcommand(
      "gap", "Soup or ensemble of two models: what the paper's approximation says, and what is");
  add_compute(*command, line);
  const auto args = std::make_shared<GapArgs>();
  command->add_option("MODELS", args->models, "Two or more model folders: every pair is looked at")
      ->required();
  add_sets(*command, args->sets, "Held-out set that calibrates each soup (a source)");
  command->add_option("--alpha", args->alpha, "Weight of the second model (0.5)")
      ->check(CLI::Range(0.001, 0.999));
  command->add_option("--step", args->step, "Of the second difference along the line (0.125)")
      ->check(CLI::Range(0.001, 0.5));
  command->add_flag("--identity", args->identity,
                    "Also the integral identity over nine points of each line");
  add_pairs(*command, args->pairs, args->seed);
  add_place(*command, args->place, "gap", true);
  command->footer(
      "  stockpot gap sweep/runs/*/model --val photos,split=val --ood sketch=sketches \\\n"
      "      --pairs 100 -o gap");
  command->callback([&line, args] { line.command = TorchCommand{"gap", *args}; });
}

}  // namespace

void add_analysis_commands(CLI::App& app, CommandLine& line) {
  add_angles(app, line);
  add_plane(app, line);
  add_gap(app, line);
  add_shifts(app, line);
}

}  // namespace stockpot::cli
