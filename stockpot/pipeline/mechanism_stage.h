// The mechanism of the LP-FT paper, measured on the models that a run chose: how far features and
// heads moved, and what that says. Nothing is chosen here.
#pragma once

#include <optional>
#include <vector>

#include "stockpot/pipeline/train_stage.h"
#include "stockpot/report/run_report.h"

namespace stockpot {

// Measures LP (or the pretrained model, where the run has no LP) as BEFORE, and as AFTER every FT
// and LP-FT among `models`, seed by seed, on the ID test set (or, without one, the held-out set)
// and the OOD sets. All tables are of the first seed but one, which is over the seeds. Leaves
// mechanism.json, from which an equal measurement is taken, and stores the logits that come on the
// way, so that an evaluation finds them. Nothing when there is no FT or LP-FT.
std::optional<Mechanism> measure_mechanism(const TrainContext& context,
                                           const std::vector<TrainedModel>& models);

// Puts a table of the same models in front: their accuracies, from a report that has been
// evaluated, and what was chosen.
void add_models_table(const std::vector<TrainedModel>& models, const RunReport& report,
                      Mechanism& mechanism);

}  // namespace stockpot
