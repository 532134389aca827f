// What several ranks that train one model together do besides the loop: what they must have in
// common, and the evaluation, each its part of the rows.
#pragma once

#include "stockpot/base/json.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/parallel/world.h"
#include "stockpot/train/fit_options.h"

namespace stockpot {

// Throws UsageError when these options cannot be trained by so many ranks: accumulation with live
// BatchNorm, whose statistics would be of other rows, or with dropout, which would drop otherwise
// than in one process. Nothing is refused to one rank.
void require_joint(const Classifier& model, const FitOptions& options, int ranks);

// Throws UsageError on every rank, naming the first member that differs, when the ranks do not
// bring equal objects.
void agree_on(World& world, const Json& object);

// Throws RunError on every rank when their parameters are not the same, bit for bit.
void require_same_weights(World& world, const Classifier& model, int epoch);

// predict() by all ranks, each on its part of the rows; the result is on every rank, and the same.
// What it throws on one rank, such as Interrupted, it throws on all.
Predictions predict_together(World& world, Classifier& model, const ImageDataset& set,
                             const EvalOptions& options);

}  // namespace stockpot
