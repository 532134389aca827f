#include "stockpot/recipe/plan_runs.h"

#include "stockpot/base/text.h"

namespace stockpot {
namespace {

void add_method(const Recipe& recipe, const FineTuneMethod& method, bool has_batchnorm,
                std::vector<TrainingRun>& runs) {
  if (!method.wanted) return;
  std::vector<std::string> policies = method.batchnorm;
  if (!has_batchnorm) policies = {"frozen"};
  for (const std::string& policy : policies)
    for (const double rate : method.learning_rates)
      for (std::int64_t repeat = 0; repeat < recipe.seeds; ++repeat) {
        TrainingRun run;
        run.kind = method.kind;
        run.from_probe = method.from_probe;
        run.head = method.head;
        run.method = has_batchnorm ? method.name + "-" + policy : method.name;
        run.name = has_batchnorm ? method.title + " (BN " + policy + ")" : method.title;
        run.seed = recipe.seed + static_cast<std::uint64_t>(repeat);
        run.settings = method.settings;
        run.settings.batchnorm = policy;
        run.settings.lr = rate;
        run.id = run.method + "-lr" + shortest(rate) + "-s" + std::to_string(run.seed);
        runs.push_back(run);
      }
}

// Two digits at least, whatever the number of trials: a plan that gets longer keeps its ids.
std::string trial_id(std::int64_t trial, std::int64_t repeat) {
  const std::string number = std::to_string(trial);
  return "search-" + std::string(number.size() < 2 ? 1 : 0, '0') + number +
         (repeat > 0 ? "-r" + std::to_string(repeat) : "");
}

// Neither the number of trials nor that of seeds is in it, and no two are the same.
std::uint64_t trial_seed(const Recipe& recipe, std::int64_t trial, std::int64_t repeat) {
  if (!recipe.search_vary_seed) return recipe.search_seed + static_cast<std::uint64_t>(repeat);
  return recipe.search_seed + static_cast<std::uint64_t>(trial + repeat * kMostTrials);
}

}  // namespace

std::vector<TrainingRun> plan_search(const Recipe& recipe) {
  std::vector<TrainingRun> runs;
  for (std::int64_t i = 0; i < recipe.search_runs; ++i)
    for (std::int64_t repeat = 0; repeat < recipe.search_seeds; ++repeat) {
      TrainingRun run;
      run.id = run.method = run.name = trial_id(i, repeat);
      run.kind = RunKind::search;
      run.from_probe = !recipe.search_head;
      run.head = recipe.search_head;
      run.seed = trial_seed(recipe, i, repeat);
      run.settings = search_run(recipe, i);
      runs.push_back(run);
    }
  return runs;
}

std::vector<TrainingRun> plan_runs(const Recipe& recipe, bool has_batchnorm) {
  std::vector<TrainingRun> runs;
  add_method(recipe, recipe.ft, has_batchnorm, runs);
  add_method(recipe, recipe.lpft, has_batchnorm, runs);
  for (const FineTuneMethod& variant : recipe.variants)
    add_method(recipe, variant, has_batchnorm, runs);
  for (TrainingRun& run : plan_search(recipe)) runs.push_back(std::move(run));
  return runs;
}

}  // namespace stockpot
