#include "cli/recipe_sets.h"

#include <utility>

#include "cli/sources.h"
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
                     printable(join(data.train.classes(), ", ")) +
                     ") are not those of the models (" + printable(join(classes, ", ")) + ")");
  return data;
}

HeldOut held_out_pictures(const std::filesystem::path& recipe,
                          const std::vector<std::string>& sources,
                          const std::vector<std::string>& classes, std::vector<std::string>& notes,
                          Progress& progress) {
  progress.status("reading the held-out pictures");
  if (!recipe.empty()) {
    DataSets data = sets_of_recipe(recipe, classes, progress);
    notes = std::move(data.notes);
    return std::move(data.held_out);
  }
  if (sources.empty())
    throw UsageError("held-out pictures are needed: --val SOURCE or --recipe RUN");
  LoadOptions options;
  options.classes = classes;
  return HeldOut{ImageDataset::load(parse_sources(sources), options)};
}

}  // namespace stockpot::cli
