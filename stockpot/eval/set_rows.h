// The rows of a set, before a model has seen them.
#pragma once

#include "stockpot/data/dataset.h"
#include "stockpot/metrics/predictions.h"

namespace stockpot {

// All of Predictions but the logits and what made them.
Predictions set_rows(const ImageDataset& set);

}  // namespace stockpot
