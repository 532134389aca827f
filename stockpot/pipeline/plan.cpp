#include "stockpot/pipeline/plan.h"

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/pipeline/training_options.h"
#include "stockpot/train/parameter_rules.h"

namespace stockpot {

RowKind row_kind(RunKind kind) {
  switch (kind) {
    case RunKind::lp:
      return RowKind::lp;
    case RunKind::lpft:
      return RowKind::lpft;
    case RunKind::search:
      return RowKind::search;
    case RunKind::ft:
      break;
  }
  return RowKind::ft;
}

void check_runs(const std::vector<TrainingRun>& runs, const Classifier& model) {
  for (const TrainingRun& run : runs) try {
      check_freezing(model, training_options(run.settings, model, 1, run.seed));
    } catch (const UsageError& error) {
      throw UsageError(printable(run.id) + ": train: " + error.what());
    }
}

std::vector<TrainingRun> checked_runs(const Recipe& recipe, const Classifier& model) {
  std::vector<TrainingRun> runs = plan_runs(recipe, model.has_batchnorm());
  check_runs(runs, model);
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
