#include "cli/recipe_sets.h"

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot::cli {

DataSets sets_of_recipe(const std::filesystem::path& recipe,
                        const std::vector<std::string>& classes, Progress& progress) {
  const bool folder = std::filesystem::is_directory(recipe);
  const std::filesystem::path file = folder ? recipe / "recipe.yaml" : recipe;
  if (folder && !std::filesystem::exists(file))
    throw UsageError(printable(recipe.string()) +
                     " is no folder of a run or a sweep: it has no recipe.yaml");
  DataSets data = load_data(Recipe::read(file), progress);
  if (data.train.classes() != classes)
    throw UsageError(printable(file.string()) + ": its classes (" +
                     join(data.train.classes(), ", ") + ") are not those of the models (" +
                     join(classes, ", ") + ")");
  return data;
}

}  // namespace stockpot::cli
