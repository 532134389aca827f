// Held-out pictures that the models were trained on: what they say of a soup is too good.
#pragma once

#include <string>
#include <vector>

#include "cli/soup_args.h"
#include "stockpot/base/progress.h"
#include "stockpot/data/dataset.h"

namespace stockpot::cli {

// A sentence for each training set that shares pictures with the held-out set, pixel for pixel,
// with their number. The training sets are those of --train; without it those of the runs that the
// models lie in (RUN/run.json above RUN/runs/ID/model), and a sentence when one of these could
// not be read. `--train none` looks at none.
std::vector<std::string> overlap_warnings(const SoupArgs& args, const std::vector<fs::path>& models,
                                          const HeldOut& held_out, Progress& progress);

}  // namespace stockpot::cli
