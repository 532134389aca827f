// What a run must have in common with the one whose saved state it continues.
#pragma once

#include <string>

#include "stockpot/base/json.h"
#include "stockpot/train/fit.h"

namespace stockpot {

// Every option that the result depends on (so not the loader's threads), the start, the rows of
// both sets, the program, LibTorch, BLAS, threads and device; their number when there are several
// ranks; and what the caller gave.
Json fit_identity(const Classifier& model, const ImageDataset& train, const ImageDataset& held_out,
                  const FitOptions& options, int ranks = 1);

// The name of the processor, "unknown" when the system does not tell. Another one may round
// otherwise: worth a warning, not a refusal, since a cluster hands out what it has.
std::string processor();

}  // namespace stockpot
