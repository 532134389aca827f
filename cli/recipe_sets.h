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

}  // namespace stockpot::cli
