// soup uniform, greedy and prune: their flags.
#include <memory>
#include <string_view>

#include "cli/checkpoint_commands.h"
#include "cli/soup_args.h"
#include "stockpot/metrics/metric.h"

namespace stockpot::cli {
namespace {

constexpr const char* kFooter =
    "How soups are scored, one of:\n"
    "  --evaluator CMD...  any program, by the protocol of docs/soups.md; the words up to a lone "
    "-- or\n"
    "                      the end are its arguments, no shell; {model_dir}, {model_file}, "
    "{result_json},\n"
    "                      {candidate} and {seed} are replaced in them\n"
    "  --recipe RUN        our own models on the held-out pictures of a recipe, run or sweep\n"
    "  --val SOURCE        our own models on pictures: PATH[,split=NAME][,splits=CSV]"
    "[,group=NAME]\n"
    "  --table CSV         scores by ingredients: columns 'ingredients' (names with + between), "
    "and\n"
    "                      'correct' and 'total', or the metric\n\n"
    "  stockpot soup greedy runs/* -o soup --metric /metrics/accuracy \\\n"
    "      --evaluator python3 \"$PWD/eval.py\" --model {model_dir} --out {result_json}\n"
    "  stockpot soup greedy runs/*/model --val photos,split=val -o soup\n";

void add_search_flags(CLI::App& app, SoupArgs& args) {
  app.add_option("--accept", args.accept, "ties (>=, the paper) or strict (>)")
      ->check(CLI::IsMember({"ties", "strict"}));
  app.add_option("--compat", args.compat,
                 "main.py: as the paper's program: strict, and of equal models the later-listed "
                 "one first")
      ->check(CLI::IsMember({"main.py"}));
  app.add_option("--seed", args.seed, "Seed of random orders (0)")->envname("STOCKPOT_SEED");
  app.add_flag("--full", args.full, "Score every soup on all examples: no early rejection");
  app.add_option("--base", args.base,
                 "The model that all were fine-tuned from: distances and angles are seen from it");
  if (args.method == "prune") return;
  app.add_option("--order", args.order, "metric (best alone first), random or given")
      ->check(CLI::IsMember({"metric", "random", "given"}));
  app.add_flag("--prune", args.prune, "Then try to do without each ingredient");
  app.add_option("--restarts", args.restarts, "Further walks in random orders; the best is taken")
      ->check(CLI::Range(0, 100'000));
}

void add_scoring_flags(CLI::App& app, SoupArgs& args) {
  std::string names;
  for (const std::string& name : metric_names()) names += (names.empty() ? "" : ", ") + name;
  app.add_option("--val", args.held_out, "Held-out pictures (a source)");
  app.add_option("--recipe", args.recipe, "Or those of this recipe, run or sweep")
      ->excludes("--val");
  app.add_option(
      "--train", args.train,
      "With --val: the training set (a source), to warn of held-out pictures that are in "
      "it; none: don't look (that of the models' run)");
  app.add_option("--logits", args.logits,
                 "With --val or --recipe: folder of `eval MODELS --val SOURCE --logits FOLDER`: "
                 "models whose logits lie there need no pass by themselves");
  app.add_option("--table", args.table, "Table of scores by ingredients (CSV or TSV)");
  app.add_option("--metric", args.metric,
                 "With --val: " + names +
                     " (accuracy). With --evaluator: a JSON pointer into the "
                     "result (/metrics/accuracy). With --table: a column");
  app.add_flag("--minimize", args.minimize, "Smaller is better (nll knows)");
  app.add_flag("--rescore", args.rescore, "Forget the scores in the ledger");
  app.add_flag("--retry-failed", args.retry_failed, "Score again what failed before");
}

void add_evaluator_flags(CLI::App& app, EvaluatorFlags& flags) {
  app.add_option("--evaluator", "A program that scores a soup: see below")->expected(0, -1);
  app.add_option("--timeout", flags.timeout, "Of one evaluation: 90s, 15m, 2h (2h)");
  app.add_option("--retries", flags.retries, "Of an evaluation that failed (1)")
      ->check(CLI::Range(0, 100));
  app.add_option("--repeat", flags.repeat, "Evaluations of each soup; their mean decides (1)")
      ->check(CLI::Range(1, 1000));
  app.add_option("--env", flags.environment, "NAME=VALUE for the evaluator; repeat for more")
      ->allow_extra_args(false);
  app.add_option("--fingerprint", flags.fingerprint,
                 "A name for the evaluator's data and code: scores are then kept for other "
                 "searches too");
  app.add_flag("--no-cache", flags.no_cache, "Don't use or keep such scores");
  app.add_option("--result", flags.result, "file ({result_json}) or stdout (its last line)")
      ->check(CLI::IsMember({"file", "stdout"}));
  app.add_option("--on-failure", flags.on_failure, "skip (leave it out) or stop")
      ->check(CLI::IsMember({"skip", "stop"}));
  app.add_flag("--serve", flags.serve, "Start it once and ask it line by line");
  app.add_option("--scratch", flags.scratch, "Where candidates lie (memory when there is room)");
  app.add_option("--workdir", flags.work_folder, "Its working directory (a scratch folder)");
}

void add_batchnorm_flags(CLI::App& app, SoupArgs& args) {
  app.add_option("--bn", args.batchnorm,
                 "BatchNorm's statistics of the soup: average, variance (law of total variance), "
                 "keep (of the first), recompute (from pictures), or compare: the one that is best "
                 "on held-out pictures (average)")
      ->check(CLI::IsMember({"average", "variance", "keep", "recompute", "compare"}));
  app.add_option("--bn-data", args.pictures,
                 "Pictures for recompute (a source; labels are not looked at; the held-out set)");
}

void add_uniform(CLI::App& soup, CommandLine& line) {
  CLI::App* command = soup.add_subcommand("uniform", "The mean of all models");
  const auto args = std::make_shared<SoupArgs>();
  args->method = "uniform";
  add_compute(*command, line);
  command->add_option("MODELS", args->models, "Model folders")->required();
  command->add_option("-o,--output", args->output, "Model folder to write")->required();
  add_batchnorm_flags(*command, *args);
  command->add_option("--val", args->held_out, "Held-out pictures for --bn compare (a source)");
  add_output_flags(*command, args->written);
  command->callback([args, &line] { line.command = std::shared_ptr<const SoupArgs>(args); });
}

void add_search(CLI::App& soup, CommandLine& line, const std::string& method, const char* help) {
  CLI::App* command = soup.add_subcommand(method, help);
  const auto args = std::make_shared<SoupArgs>();
  args->method = method;
  add_compute(*command, line);
  command->add_option("MODELS", args->models,
                      "Files or folders; a folder of checkpoints is all of them");
  command->add_option("-o,--output", args->output,
                      "A folder (model/, ledger.jsonl, result.json) or a file of weights; repeat "
                      "the command to continue it");
  add_scoring_flags(*command, *args);
  add_search_flags(*command, *args);
  add_batchnorm_flags(*command, *args);
  add_evaluator_flags(*command, args->evaluator);
  add_output_flags(*command, args->written);
  add_open_flags(*command, args->open);
  command->footer(kFooter);
  command->callback([args, &line] {
    args->evaluator.command = line.evaluator;
    line.command = std::shared_ptr<const SoupArgs>(args);
  });
}

}  // namespace

std::vector<std::string> take_evaluator_words(int argc, char** argv, std::vector<char*>& rest) {
  std::vector<std::string> words;
  rest.assign(argv, argv + argc);
  if (argc < 3 || std::string_view(argv[1]) != "soup") return words;
  for (std::size_t i = 2; i < rest.size(); ++i) {
    if (std::string_view(rest[i]) == "--") break;
    if (std::string_view(rest[i]) != "--evaluator") continue;
    std::size_t end = i + 1;
    while (end < rest.size() && std::string_view(rest[end]) != "--")
      words.emplace_back(rest[end++]);
    const std::size_t behind = end < rest.size() ? end + 1 : end;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i),
               rest.begin() + static_cast<std::ptrdiff_t>(behind));
    break;
  }
  return words;
}

void add_soup_commands(CLI::App& app, CommandLine& line) {
  CLI::App* soup = app.add_subcommand("soup", "One model from many of one initialisation");
  soup->require_subcommand(1);
  add_uniform(*soup, line);
  add_search(*soup, line, "greedy", "Add models while the score on held-out data does not fall");
  add_search(*soup, line, "prune",
             "Start from the mean of all and take out what it can do without");
  add_soup_learned(*soup, line);
}

}  // namespace stockpot::cli
