// The reporting end of a run: every model over every set. Nothing is chosen here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "stockpot/metrics/predictions.h"
#include "stockpot/pipeline/soup_stage.h"
#include "stockpot/pipeline/train_stage.h"
#include "stockpot/report/run_report.h"

namespace stockpot {

// Accuracy in total, by class and by group.
SetScore score(const Predictions& predictions);

// Runs every model over the held-out set and the test sets (or reads the logits that an
// earlier command stored), adds the logit ensembles of `candidates` and of the greedy
// ingredients, and fills sets, models and ledgers of the report.
void evaluate_all(const TrainContext& context, const std::vector<TrainedModel>& models,
                  const std::vector<TrainedModel>& candidates, const std::vector<Soup>& soups,
                  RunReport& report);

// A few pictures of each set with what `model` (a name in the report) said about them.
void add_gallery(const TrainContext& context, const std::string& model, RunReport& report);

}  // namespace stockpot
