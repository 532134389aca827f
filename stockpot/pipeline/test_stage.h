// The reporting end of a run: every model over every set. Nothing is chosen here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "stockpot/metrics/picture_mean.h"
#include "stockpot/metrics/predictions.h"
#include "stockpot/pipeline/soup_stage.h"
#include "stockpot/pipeline/train_stage.h"
#include "stockpot/report/run_report.h"

namespace stockpot {

// Accuracy in total, by class and by group.
SetScore score(const Predictions& predictions);

// The scores of one model on sets that come one after the other.
class ModelScores {
 public:
  explicit ModelScores(ReportedModel& model) : model_(model) {}
  void add(const std::string& set, SetRole role, const Predictions& predictions);

 private:
  ReportedModel& model_;
  PictureMean ood_;
};

// Runs every model over the held-out set and the test sets (or reads the logits that an
// earlier command stored), adds the logit ensembles of `candidates` and of the greedy
// ingredients, and fills sets, models and ledgers of the report.
void evaluate_all(const TrainContext& context, const std::vector<TrainedModel>& models,
                  const std::vector<TrainedModel>& candidates, const std::vector<Soup>& soups,
                  RunReport& report);

// A few pictures of each set with what `model` (a name in the report) said about them.
void add_gallery(const TrainContext& context, const std::string& model, RunReport& report);

}  // namespace stockpot
