#include "stockpot/pipeline/plan.h"

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
