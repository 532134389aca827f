#include "cli/merge_request.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot::cli {
namespace {

// "0:1:11" is eleven points from 0 to 1; otherwise numbers with commas between.
std::vector<double> parse_alphas(const std::string& text) {
  const auto number = [&](const std::string& word) {
    double value = 0;
    if (!CLI::detail::lexical_cast(word, value) || !std::isfinite(value))
      throw UsageError("--alphas " + printable(text) + ": '" + printable(word) +
                       "' is no number; write 0.5, 0.25,0.5,0.75 or FROM:TO:COUNT");
    return value;
  };
  std::vector<double> alphas;
  const std::vector<std::string> words = split(text, ':');
  if (words.size() == 1) {
    for (const std::string& word : split(text, ',')) alphas.push_back(number(word));
    return alphas;
  }
  const double count = words.size() == 3 ? number(words[2]) : 0;
  if (words.size() != 3 || !(count >= 2 && count <= 10'000) || count != static_cast<int>(count))
    throw UsageError("--alphas " + printable(text) +
                     ": write FROM:TO:COUNT with a COUNT from 2 to 10000");
  const double from = number(words[0]), to = number(words[1]);
  for (int i = 0; i < static_cast<int>(count); ++i)
    // The ends exactly, whatever the steps between them round to.
    alphas.push_back(i + 1 == static_cast<int>(count) ? to : from + (to - from) * i / (count - 1));
  return alphas;
}

void add_common_flags(CLI::App& app, MergeRequest& request) {
  app.add_option(
      "-o,--output", request.output,
      "A file (.safetensors, .pt, .pth, .bin, .ckpt), or a folder: then config, tokenizer and "
      "the like come along from the first model");
  add_output_flags(app, request.written);
  app.add_option("--group", request.groups,
                 "REGEX=average|take-first|take-best|skip|copy-base|W|W1:W2:...: what happens to "
                 "tensors whose name matches; W is the method's strength there, several are the "
                 "models' weights; the first match decides; repeat for more groups")
      ->allow_extra_args(false);
  app.add_option("--head", request.head, "The same for the head: --head take-first");
  app.add_option("--backbone", request.backbone, "The same for everything but the head");
  app.add_option("--bn", request.batchnorm,
                 "BatchNorm statistics: variance (law of total variance), average, keep (of the "
                 "first model), recompute (as variance, and marked for recomputing on data), mixed "
                 "(as all other tensors)")
      ->check(CLI::IsMember({"variance", "average", "keep", "recompute", "mixed"}));
  app.add_option("--int-policy", request.integers,
                 "Integers that differ: checked (an error but for batch counters), max, first")
      ->check(CLI::IsMember({"checked", "max", "first"}));
  app.add_flag("--intersection", request.intersection, "Leave out tensors that some models lack");
  app.add_flag("--allow-nonfinite", request.allow_nonfinite, "Let NaN and Inf through");
  add_open_flags(app, request.open);
  app.add_option("--max-memory", request.max_memory, "Bound for the memory used, such as 64M");
}

void add_choice(CLI::App& app, MergeRequest& request) {
  app.add_option("--last", request.last, "Only the last N in the natural order of their names")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--best", request.best, "Only the N best by --metric, best first")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option(
      "--metrics", request.metrics,
      "Table (CSV or TSV) with a column 'model' and one for each metric; without it, the "
      "numbers stored in the checkpoints are used");
  app.add_option("--metric", request.metric, "Column or stored number (metric)");
  app.add_flag("--minimize", request.minimize, "Smaller is better");
  app.add_flag("--best-first", request.best_first,
               "The models are listed from best to worst (for take-best)");
}

// Flags that change nothing in the output's values, or that the list of models already answers.
bool matters(const std::string& name) {
  static const std::set<std::string> kOthers = {
      "--output",     "--json",       "--quiet",    "--color",         "--threads",
      "--last",       "--best",       "--metrics",  "--metric",        "--minimize",
      "--dry-run",    "--overwrite",  "--no-sync",  "--max-memory",    "--best-first",
      "--shard-size", "--help",       "--alphas",   "--alpha",         "--recipe",
      "--val",        "--id",         "--ood",      "--skip-bad",      "--bn-data",
      "--level",      "--report",     "--device",   "--bf16",          "--ema",
      "--swad",       "--swad-start", "--swad-end", "--swad-tolerance"};
  return !kOthers.contains(name);
}

// Options that name files.
bool names_files(const std::string& name) {
  return name == "--base" || name == "--fisher" || name == "--grams";
}

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() == 0 || option->get_lnames().empty()) continue;
    const std::string name = "--" + option->get_lnames()[0];
    if (!matters(name)) continue;
    if (option->get_expected_min() == 0) {
      flags.push_back(name);
      continue;
    }
    for (const std::string& value : option->results()) {
      flags.push_back(name);
      flags.push_back(names_files(name) ? fs::absolute(value).native() : value);
    }
  }
  return flags;
}

// Means along a training run.
void add_trajectory(CLI::App& app, MergeRequest& request) {
  app.add_option("--ema", request.ema,
                 "Exponential moving average with this decay over the models in the natural order "
                 "of their names")
      ->check(CLI::Range(0.0, 1.0))
      ->excludes("--weights")
      ->excludes("--best");
  CLI::Option* swad =
      app.add_option("--swad", request.swad,
                     "SWAD: the mean over the valley of validation losses in this table (CSV or "
                     "TSV, columns 'model' and 'loss', or --metric)")
          ->excludes("--weights")
          ->excludes("--best")
          ->excludes("--last")
          ->excludes("--metrics")
          ->excludes("--ema");
  app.add_option("--swad-start", request.swad_options.start_patience,
                 "Losses of which the first is the least where the valley begins (3)")
      ->check(CLI::Range(1, 1'000'000))
      ->needs(swad);
  app.add_option("--swad-end", request.swad_options.end_patience,
                 "Losses in a row above the threshold where it ends (6)")
      ->check(CLI::Range(1, 1'000'000))
      ->needs(swad);
  app.add_option("--swad-tolerance", request.swad_options.tolerance,
                 "Threshold over the mean of the first losses of the valley (1.3)")
      ->check(CLI::PositiveNumber)
      ->needs(swad);
}

using OnParsed = std::function<void(const MergeRequest&)>;

std::shared_ptr<MergeRequest> start(CLI::App& app, const std::string& command) {
  auto request = std::make_shared<MergeRequest>();
  request->command = command;
  add_common_flags(app, *request);
  return request;
}

void finish(CLI::App& app, const std::shared_ptr<MergeRequest>& request,
            const OnParsed& on_parsed) {
  app.callback([&app, request, on_parsed] {
    request->flags = flags_of(app);
    on_parsed(*request);
  });
}

void add_average(CLI::App& app, const OnParsed& on_parsed) {
  CLI::App& command = *app.add_subcommand("average", "The mean of models, uniform or with weights");
  const auto request = start(command, "average");
  command.get_option("--output")->required();
  request->method = "average";
  command
      .add_option("MODELS", request->models,
                  "Files or folders; a folder of checkpoints is all "
                  "of them")
      ->required();
  command.add_option("--weights", request->weights, "W1,W2,...: made to sum to 1")
      ->delimiter(',')
      ->allow_extra_args(false);
  add_choice(command, *request);
  add_trajectory(command, *request);
  finish(command, request, on_parsed);
}

void add_interpolate(CLI::App& app, const OnParsed& on_parsed) {
  CLI::App& command = *app.add_subcommand(
      "interpolate", "Points between two models, (1 - alpha) A + alpha B (WiSE-FT)");
  const auto request = start(command, "interpolate");
  request->method = "interpolate";
  request->alphas = {0.5};
  command.add_option("MODELS", request->models, "A (often the pretrained model) and B")
      ->required()
      ->expected(2);
  command
      .add_option_function<std::string>(
          "--alphas,--alpha",
          [request](const std::string& text) { request->alphas = parse_alphas(text); },
          "One (0.5), some (0.25,0.5,0.75) or FROM:TO:COUNT (0:1:11); several make a folder of "
          "models")
      ->expected(1);
  command.add_option("--depth", request->depth, "A0,A1,...: alpha over the depth of the network")
      ->delimiter(',')
      ->allow_extra_args(false);
  finish(command, request, on_parsed);
}

void add_merge(CLI::App& app, const OnParsed& on_parsed) {
  CLI::App& merge = *app.add_subcommand("merge", "Merging methods beyond averages");
  merge.require_subcommand(1);
  for (const MergeMethodEntry& entry : merge_methods()) {
    CLI::App& command = *merge.add_subcommand(entry.name, entry.help);
    const auto request = start(command, "merge");
    command.get_option("--output")->required();
    request->method = entry.name;
    command.add_option("MODELS", request->models, "Files or folders")->required();
    CLI::Option* base =
        command.add_option("--base", request->base, "The model that all were fine-tuned from");
    if (entry.base == BaseUse::always) base->required();
    command.add_option("--weights", request->weights, "W1,W2,...: of the models")
        ->delimiter(',')
        ->allow_extra_args(false);
    command.add_option("--depth", request->depth, "S0,S1,...: strength over the depth")
        ->delimiter(',')
        ->allow_extra_args(false);
    request->build = entry.add(command);
    finish(command, request, [use = entry.base, on_parsed](const MergeRequest& parsed) {
      MergeRequest whole = parsed;
      whole.needs_base =
          use == BaseUse::always || (use == BaseUse::when_given && !parsed.base.empty());
      on_parsed(whole);
    });
  }
}

}  // namespace

void add_merge_requests(CLI::App& app, const std::function<void(const MergeRequest&)>& on_parsed) {
  add_average(app, on_parsed);
  add_interpolate(app, on_parsed);
  add_merge(app, on_parsed);
}

}  // namespace stockpot::cli
