// Held-out pictures that the models were trained on: what they say of a soup is too good.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "stockpot/base/progress.h"
#include "stockpot/data/dataset.h"

namespace stockpot::cli {

// A sentence for each training set that shares pictures with the held-out set, pixel for pixel,
// with their number and what follows from it. The training sets are those of --train, `train`;
// without it those of the runs that the models lie in (RUN/run.json above RUN/runs/ID/model), and a
// sentence when one of these could not be read. `--train none` looks at none.
std::vector<std::string> overlap_warnings(const std::vector<std::string>& train,
                                          const std::vector<std::filesystem::path>& models,
                                          const HeldOut& held_out, const std::string& consequence,
                                          Progress& progress);

}  // namespace stockpot::cli
