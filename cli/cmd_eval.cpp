#include <iostream>
#include <optional>

#include "cli/commands.h"
#include "cli/recipe_sets.h"
#include "cli/sources.h"
#include "cli/terminal.h"
#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/base/text.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/eval/feature_cache.h"
#include "stockpot/model/runtime.h"
#include "stockpot/pipeline/model_on_sets.h"
#include "stockpot/pipeline/run_folder.h"
#include "stockpot/pipeline/test_stage.h"

namespace stockpot::cli {
namespace {

struct EvalSet {
  std::string name;
  SetRole role;
  ImageDataset set;
};

std::vector<EvalSet> load_sets(const EvalArgs& args, const std::vector<std::string>& classes,
                               TerminalProgress& progress) {
  std::vector<EvalSet> sets;
  if (!args.recipe.empty()) {
    if (!args.held_out.empty() || !args.id.empty() || !args.ood.empty())
      throw UsageError("--recipe names the sets: leave out --val, --id and --ood");
    const DataSets data = sets_of_recipe(args.recipe, classes, progress);
    for (const std::string& note : data.notes) progress.say("note: " + printable(note));
    sets.push_back({kHeldOutName, SetRole::held_out, data.held_out.set});
    for (const TestSet& test : data.tests)
      sets.push_back({test.name, test.ood ? SetRole::ood : SetRole::id_test, test.set});
    return sets;
  }
  const auto add = [&](const std::string& name, SetRole role, DataSpec spec) {
    spec.skip_unreadable = args.skip_unreadable;
    LoadOptions options;
    options.classes = classes;
    progress.status("reading " + name);
    sets.push_back({name, role, ImageDataset::load(spec, options)});
  };
  if (!args.held_out.empty()) add(kHeldOutName, SetRole::held_out, parse_sources(args.held_out));
  if (!args.id.empty()) add("id", SetRole::id_test, parse_sources(args.id));
  for (const auto& [name, spec] : parse_named_sources(args.ood)) add(name, SetRole::ood, spec);
  if (sets.empty())
    throw UsageError("name a set to evaluate on: --id, --ood or --val SOURCE, or --recipe RUN");
  return sets;
}

fs::path logits_path(const EvalArgs& args, std::size_t sets, const std::string& model,
                     const std::string& set) {
  if (args.models.size() == 1 && sets == 1) return args.logits;
  return args.logits / file_name_for(model) / (file_name_for(set) + ".safetensors");
}

void print_parts(const std::string& title, const RunReport& report,
                 std::vector<std::pair<std::string, Accuracy>> SetScore::*parts) {
  for (const ReportedModel& model : report.models)
    for (const auto& [set, score] : model.scores)
      for (const auto& [name, accuracy] : score.*parts)
        std::cout << printable(model.name) << "  " << printable(set) << "  " << title << " "
                  << printable(name) << "  " << fixed(100 * accuracy.value(), 2) << " %  ("
                  << accuracy.correct << "/" << accuracy.total << ")\n";
}

}  // namespace

int cmd_eval(const EvalArgs& args, const CommandLine& line) {
  TerminalProgress progress(line.quiet);
  const at::Device device = parse_device(line.device.value_or("cpu"));
  RunReport report;
  report.title = "Evaluation";
  std::vector<EvalSet> sets;
  std::vector<std::string> classes;
  for (const fs::path& path : args.models) {
    const ModelFolder folder = ModelFolder::open(path);
    // One decoding for all models: they must agree on the classes.
    if (sets.empty()) {
      classes = folder.labels;
      for (const std::string& note : assumptions_about(folder)) progress.say("note: " + note);
      sets = load_sets(args, classes, progress);
      for (const EvalSet& set : sets)
        report.sets.push_back({set.name, set.role, set.set.size(), set.set.skipped()});
    } else if (folder.labels != classes) {
      throw FormatError(path, "its class names differ from those of " +
                                  args.models.front().string() + "; evaluate it by itself");
    }
    Classifier model = Classifier::load(folder);
    model.to(device);
    ReportedModel reported;
    reported.name = path.string();
    reported.method = reported.name;
    reported.folder = reported.name;
    const std::string key = args.logits.empty() ? "" : model_key(folder);
    ModelScores scores(reported);
    for (const EvalSet& set : sets) {
      if (stop_requested()) throw Interrupted("stopped while evaluating");
      EvalOptions options;
      options.bf16 = line.bf16;
      options.on_batch = [&](std::int64_t done, std::int64_t total) {
        progress.status(printable(reported.name) + " on " + printable(set.name) + ": " +
                        grouped(done) + "/" + grouped(total));
      };
      Predictions predictions = predict(model, set.set, options);
      predictions.model = key;
      scores.add(set.name, set.role, predictions);
      if (args.logits.empty()) continue;
      const fs::path file = logits_path(args, sets.size(), reported.name, set.name);
      if (file.has_parent_path()) fs::create_directories(file.parent_path());
      write_predictions(file, predictions);
    }
    report.models.push_back(reported);
  }
  if (line.json) {
    std::cout << to_json(report).dump(2) << "\n";
    return 0;
  }
  std::cout << terminal_table(report, terminal_width(), use_colour(line.color));
  if (args.by_class) print_parts("class", report, &SetScore::classes);
  if (args.by_group) print_parts("group", report, &SetScore::groups);
  return 0;
}

}  // namespace stockpot::cli
