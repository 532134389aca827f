#include "stockpot/pipeline/plan.h"

#include "stockpot/base/text.h"

namespace stockpot {
namespace {

void add_method(const Recipe& recipe, const FineTuneMethod& method, RowKind kind,
                bool has_batchnorm, std::vector<TrainingRun>& runs) {
  if (!method.wanted) return;
  const std::string short_name = kind == RowKind::ft ? "ft" : "lpft";
  const std::string long_name = kind == RowKind::ft ? "FT" : "LP-FT";
  std::vector<std::string> policies = method.batchnorm;
  if (!has_batchnorm) policies = {"frozen"};
  for (const std::string& policy : policies)
    for (const double rate : method.learning_rates)
      for (std::int64_t repeat = 0; repeat < recipe.seeds; ++repeat) {
        TrainingRun run;
        run.kind = kind;
        run.from_probe = kind == RowKind::lpft;
        run.method = has_batchnorm ? short_name + "-" + policy : short_name;
        run.name = has_batchnorm ? long_name + " (BN " + policy + ")" : long_name;
        run.seed = recipe.seed + static_cast<std::uint64_t>(repeat);
        run.settings = method.settings;
        run.settings.batchnorm = policy;
        run.settings.lr = rate;
        run.id = run.method + "-lr" + shortest(rate) + "-s" + std::to_string(run.seed);
        runs.push_back(run);
      }
}

}  // namespace

std::vector<TrainingRun> plan_runs(const Recipe& recipe, bool has_batchnorm) {
  std::vector<TrainingRun> runs;
  add_method(recipe, recipe.ft, RowKind::ft, has_batchnorm, runs);
  add_method(recipe, recipe.lpft, RowKind::lpft, has_batchnorm, runs);
  const std::size_t digits =
      std::to_string(std::max<std::int64_t>(recipe.search_runs - 1, 10)).size();
  for (std::int64_t i = 0; i < recipe.search_runs; ++i) {
    TrainingRun run;
    const std::string number = std::to_string(i);
    run.id = "search-" + std::string(digits - number.size(), '0') + number;
    run.method = run.name = run.id;
    run.kind = RowKind::search;
    run.from_probe = true;
    run.seed = recipe.search_seed + static_cast<std::uint64_t>(i);
    run.settings = search_run(recipe, i);
    runs.push_back(run);
  }
  return runs;
}

double expected_seconds(const std::vector<TrainingRun>& runs, const Calibration& speed,
                        std::int64_t train_rows, std::int64_t held_out_rows, std::int64_t test_rows,
                        std::int64_t evaluated_models) {
  double trained = 0, evaluated = 0;
  for (const TrainingRun& run : runs) {
    trained += static_cast<double>(run.settings.epochs * train_rows);
    evaluated += static_cast<double>((run.settings.epochs + 1) * held_out_rows);
  }
  evaluated += static_cast<double>(evaluated_models * test_rows);
  return trained / speed.training + evaluated / speed.evaluation;
}

}  // namespace stockpot
