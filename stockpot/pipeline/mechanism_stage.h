// The mechanism of the LP-FT paper, measured on the models that a run chose: how far features and
// heads moved, and what that says. Nothing is chosen here.
#pragma once

#include <optional>
#include <vector>

#include "stockpot/diagnose/distortion.h"
#include "stockpot/pipeline/train_stage.h"
#include "stockpot/report/run_report.h"

namespace stockpot {

// What a run has to compare: nothing when `seeds` is empty.
struct MechanismModels {
  const TrainedModel* probe = nullptr;
  std::vector<std::vector<const TrainedModel*>> seeds;  // of each: FT, then LP-FT
};

struct MeasuredMechanism {
  MechanismModels models;
  Json inputs;  // what the numbers depend on
  std::vector<diagnose::Distortion> seeds;
  std::optional<Mechanism> earlier;  // in place of `seeds`
};

// Measures LP (or the pretrained model, where the run has no LP) as BEFORE, and as AFTER every FT
// and LP-FT among `models`, seed by seed, on the ID test set (or, without one, the held-out set)
// and the OOD sets. The logits that come on the way are stored, so that an evaluation finds them.
// What an earlier command measured on the same models and sets is taken from the folder's
// results.json. Nothing when there is no FT or LP-FT. `models` must outlive the result.
std::optional<MeasuredMechanism> measure_mechanism(const TrainContext& context,
                                                   const std::vector<TrainedModel>& models);

// All tables are of the first seed but one, which is over the seeds. `report` has been evaluated:
// its numbers stand in the first table.
Mechanism told(const MeasuredMechanism& measured, const RunReport& report);

}  // namespace stockpot
