// The sets of a recipe, for commands that look at finished models.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "stockpot/base/progress.h"
#include "stockpot/checkpoint/model_folder.h"
#include "stockpot/pipeline/data_sets.h"

namespace stockpot::cli {

// `recipe`: a file, or the folder of a run or a sweep, which has one. Throws UsageError when its
// classes are not `classes`, and what reading recipes and pictures throws.
DataSets sets_of_recipe(const std::filesystem::path& recipe,
                        const std::vector<std::string>& classes, Progress& progress);

// What a model's files leave open and is taken for granted: for people. Where its classes have no
// names they are those of a set in byte order, as torchvision's ImageFolder and timm number them.
std::vector<std::string> assumptions_about(const ModelFolder& model);

// The held-out set of the recipe, or when there is none (""), of the sources, for this model and
// others with its classes. `notes` gets the assumptions, and what reading a recipe's sets noticed,
// such as pictures that two of them share.
HeldOut held_out_pictures(const std::filesystem::path& recipe,
                          const std::vector<std::string>& sources, const ModelFolder& model,
                          std::vector<std::string>& notes, Progress& progress);

}  // namespace stockpot::cli
