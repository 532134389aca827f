// Which pictures the models of a run folder get right, from the logits that evaluation left.
#pragma once

#include "stockpot/base/file.h"
#include "stockpot/report/comparisons.h"

namespace stockpot {

// `run`: the folder that the models' folders are relative to. Each file is read once; models
// without logits, such as ensembles, have none.
RightOf stored_right(const fs::path& run);

}  // namespace stockpot
