// probe, finetune and lpft: a recipe of one method, from flags.
#include <algorithm>
#include <charconv>

#include "cli/commands.h"
#include "cli/run_output.h"
#include "cli/sources.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot::cli {
namespace {

// "10" and "0.1" are numbers, anything else is a word.
Json flag_value(const std::string& text) {
  std::int64_t whole = 0;
  double real = 0;
  const char* end = text.data() + text.size();
  if (const auto parsed = std::from_chars(text.data(), end, whole);
      parsed.ec == std::errc() && parsed.ptr == end)
    return whole;
  if (const auto parsed = std::from_chars(text.data(), end, real);
      parsed.ec == std::errc() && parsed.ptr == end)
    return real;
  return text;
}

TrainSettings settings_from(const std::vector<std::string>& flags) {
  TrainSettings settings;
  for (const std::string& flag : flags) {
    const auto equals = flag.find('=');
    settings.set(flag.substr(0, equals), flag_value(flag.substr(equals + 1)));
  }
  if (const auto found = settings.conflicts(); !found.empty()) throw UsageError(found.front());
  return settings;
}

// FILE[,key=value...] with the keys of a recipe's head.
HeadFile parse_head(const std::string& text) {
  const std::vector<std::string> parts = split(text, ',');
  HeadFile head;
  head.file = parts.front();
  if (parts.front().empty()) throw UsageError("--head begins with a file");
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string key = parts[i].substr(0, parts[i].find('='));
    const std::string value = parts[i].substr(std::min(parts[i].size(), key.size() + 1));
    if (key == "weight") {
      head.weight = value;
    } else if (key == "bias") {
      head.bias = value;
    } else if (key == "classes") {
      head.classes = value;
    } else if (key == "rows" && (value == "classes" || value == "features")) {
      head.rows = value;
    } else if (const Json scale = flag_value(value); key == "scale" && scale.is_number() &&
                                                     scale.as_number() > 0 &&
                                                     scale.as_number() <= 1e9) {
      head.scale = scale.as_number();
    } else {
      throw UsageError(
          "--head takes weight=NAME, bias=NAME, rows=classes or rows=features, "
          "classes=FILE and scale=S (above 0, at most 1e9) behind its file, found '" +
          printable(parts[i]) + "'");
    }
  }
  return head;
}

}  // namespace

int cmd_method(const MethodArgs& args, const CommandLine& line) {
  Recipe recipe;
  recipe.text = "# " + line.text + "\n";
  recipe.title = args.method == "lp" ? "Linear probe" : args.method == "ft" ? "FT" : "LP-FT";
  recipe.model = args.model;
  recipe.train = parse_sources(args.train);
  if (args.held_out.empty() == (args.held_out_fraction <= 0))
    throw UsageError(
        "name the held-out data that choices are made on: --val SOURCE, or --val-fraction 0.1 "
        "(one of the two)");
  if (args.held_out.empty())
    recipe.held_out_split.fraction = args.held_out_fraction;
  else
    recipe.held_out = parse_sources(args.held_out);
  if (!args.id.empty()) recipe.id_test = parse_sources(args.id);
  recipe.ood = parse_named_sources(args.ood);
  recipe.seed = args.seed;
  recipe.seeds = args.seeds;
  recipe.probe_c = default_probe_path();
  recipe.probe_scaling = args.scaling;
  recipe.feature_cache = args.feature_cache;
  recipe.lp = args.method != "ft";
  if (args.method != "lp") {
    FineTuneMethod& method = args.method == "ft" ? recipe.ft : recipe.lpft;
    method.wanted = true;
    method.settings = settings_from(args.settings);
    if (!args.head.empty()) method.head = parse_head(args.head);
    method.learning_rates = args.method == "ft" ? kDefaultFtRates : kDefaultLpftRates;
    if (!args.learning_rates.empty()) method.learning_rates = args.learning_rates;
    for (const double rate : method.learning_rates) TrainSettings().set("lr", rate);
    method.batchnorm = args.method == "ft" ? std::vector<std::string>{"frozen", "live"}
                                           : std::vector<std::string>{"frozen"};
    if (!args.batchnorm.empty()) method.batchnorm = args.batchnorm;
  }
  return run_and_print(std::move(recipe), args.out, args.plan_only, line);
}

}  // namespace stockpot::cli
