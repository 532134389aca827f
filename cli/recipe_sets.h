// The sets of a recipe, for commands that look at finished models.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "stockpot/base/progress.h"
#include "stockpot/pipeline/data_sets.h"

namespace stockpot::cli {

// `recipe`: a file, or the folder of a run or a sweep, which has one. Throws UsageError when its
// classes are not `classes`, and what reading recipes and pictures throws.
DataSets sets_of_recipe(const std::filesystem::path& recipe,
                        const std::vector<std::string>& classes, Progress& progress);

// The held-out set of the recipe, or when there is none (""), of the sources. `notes` gets what
// reading a recipe's sets noticed, such as pictures that two of them share.
HeldOut held_out_pictures(const std::filesystem::path& recipe,
                          const std::vector<std::string>& sources,
                          const std::vector<std::string>& classes, std::vector<std::string>& notes,
                          Progress& progress);

}  // namespace stockpot::cli
