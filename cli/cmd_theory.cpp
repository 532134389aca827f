// theory: LP, FT and LP-FT in the two-layer linear network, where all can be computed exactly.
#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <system_error>

#include "cli/checkpoint_commands.h"
#include "cli/look_commands.h"
#include "cli/terminal.h"
#include "cli/theory_page.h"
#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/text.h"
#include "stockpot/theory/study_json.h"
#include "stockpot/theory/study_text.h"

namespace stockpot::cli {
namespace {

using namespace theory;

struct TheoryArgs {
  std::string preset = "all";
  std::vector<double> eps, phi;
  std::vector<std::int64_t> dimensions;
  std::optional<std::int64_t> features, subspace, examples;
  std::optional<double> sigma;
  std::uint64_t seed = 0;
  std::int64_t seeds = StudyOptions{}.seeds;
  fs::path out;
  bool overwrite = false;
};

std::vector<StudyPreset> presets_of(const std::string& name) {
  std::vector<StudyPreset> presets;
  for (const StudyPreset preset : kPresets)
    if (name == "all" || name == name_of(preset)) presets.push_back(preset);
  return presets;
}

// One value holds for all presets; several are the points of the preset that varies them.
template <typename Value, typename Base>
void set_values(const char* flag, const std::vector<Value>& given, StudyPreset preset,
                StudyOptions& options, std::vector<Value>& points, Base& base) {
  if (given.empty()) return;
  const bool varied =
      std::find(options.presets.begin(), options.presets.end(), preset) != options.presets.end();
  if (given.size() > 1 && !varied)
    throw UsageError(std::string(flag) + " has " + std::to_string(given.size()) +
                     " values: only --preset " + std::string(name_of(preset)) +
                     " and all take more than one");
  points = given;
  if (given.size() == 1) base = given.front();
}

StudyOptions study_options(const TheoryArgs& args) {
  StudyOptions options;
  options.presets = presets_of(args.preset);
  set_values("--eps", args.eps, StudyPreset::eps, options, options.eps, options.base.eps);
  set_values("--phi", args.phi, StudyPreset::alignment, options, options.phi, options.base.phi);
  set_values("--dim", args.dimensions, StudyPreset::dimension, options, options.dimensions,
             options.base.dimension);
  if (args.sigma && options.base.phi)
    throw UsageError("--sigma scales a random head, but --phi says where the head is: give one");
  // 0 stands for "not given" further down, so it is refused here.
  if (args.subspace && *args.subspace < 1)
    throw UsageError("--subspace is " + std::to_string(*args.subspace) + ": expected at least 2");
  if (args.examples && *args.examples < 1)
    throw UsageError("--examples is " + std::to_string(*args.examples) + ": expected at least 2");
  options.base.features = args.features.value_or(options.base.features);
  options.subspace = args.subspace.value_or(0);
  options.base.examples = args.examples.value_or(0);
  options.base.sigma = args.sigma.value_or(options.base.sigma);
  options.base.seed = args.seed;
  options.seeds = args.seeds;
  return options;
}

constexpr std::array kOutputs = {"results.json", "results.csv", "theory.html"};

void check_place(const TheoryArgs& args) {
  if (args.out.empty() || args.overwrite) return;
  for (const char* name : kOutputs) {
    std::error_code ignored;
    if (fs::exists(fs::symlink_status(args.out / name, ignored)))
      throw UsageError(printable((args.out / name).string()) +
                       " exists; --overwrite replaces it, or give another folder to -o");
  }
}

void write_results(const TheoryArgs& args, const Study& study, const Json& json) {
  std::error_code error;
  fs::create_directories(args.out, error);
  if (error) throw WriteError(args.out, "create the folder", error.value());
  write_file(args.out / kOutputs[0], json.dump(2) + "\n");
  write_file(args.out / kOutputs[1], to_csv(study));
  write_file(args.out / kOutputs[2], theory_page(study));
}

int run_theory(const TheoryArgs& args, const CommandLine& line) {
  use_threads(line);
  const StudyOptions options = study_options(args);
  check(options);
  check_place(args);
  const Study study = run_study(options);
  const Json json = to_json(study);
  if (!args.out.empty()) write_results(args, study, json);
  if (line.json) {
    std::cout << json.dump(2) << "\n";
    return 0;
  }
  std::cout << study_text(study, static_cast<std::size_t>(terminal_width()));
  if (!args.out.empty())
    std::cout << "\npage: " << printable((args.out / kOutputs[2]).string()) << "\n";
  return 0;
}

}  // namespace

void add_theory(CLI::App& app, CommandLine& line) {
  CLI::App* command = app.add_subcommand(
      "theory", "LP, FT and LP-FT in the two-layer linear network, with the paper's bound");
  add_common(*command, line);
  add_threads(*command, line);
  const auto args = std::make_shared<TheoryArgs>();
  std::vector<std::string> presets = {"all"};
  for (const StudyPreset preset : kPresets) presets.emplace_back(name_of(preset));
  command
      ->add_option("--preset", args->preset,
                   "What to vary: toy, eps, alignment, dimension, "
                   "time, or all of them (all)")
      ->check(CLI::IsMember(presets));
  command
      ->add_option("--eps", args->eps,
                   "Feature quality, 0 (perfect) to 1.4142; several for --preset eps (0.1)")
      ->delimiter(',');
  command
      ->add_option("--phi", args->phi,
                   "Head alignment error of FT's first head, 0 to 1; several for --preset "
                   "alignment (a random head)")
      ->delimiter(',');
  command
      ->add_option("--dim", args->dimensions,
                   "Dimension d of the inputs; several for --preset dimension (60)")
      ->delimiter(',');
  command->add_option("--features", args->features, "Features k (4)");
  command->add_option("--subspace", args->subspace,
                      "Dimension m of the training span (half of --dim)");
  command->add_option("--examples", args->examples,
                      "Training inputs n, drawn inside the span (m inputs that span it)");
  command->add_option("--sigma", args->sigma, "Scale of the random first head (1)");
  command->add_option("--seeds", args->seeds, "Problems a point (10)");
  command->add_option("--seed", args->seed, "Seed of the first problem (0)")
      ->envname("STOCKPOT_SEED");
  command->add_option("-o,--out", args->out, "Folder for results.json, results.csv, theory.html");
  command->add_flag("--overwrite", args->overwrite, "Replace these files");
  command->callback([&line, args] {
    line.command =
        CheckpointCommand{[args](const CommandLine& parsed) { return run_theory(*args, parsed); }};
  });
}

}  // namespace stockpot::cli
