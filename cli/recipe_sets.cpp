#include "cli/recipe_sets.h"

#include <utility>

#include "cli/sources.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/bare_weights.h"
#include "stockpot/checkpoint/config_formats.h"

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

std::vector<std::string> assumptions_about(const ModelFolder& model) {
  std::vector<std::string> lines;
  if (auto assumed = assumed_of(model))
    lines.push_back(printable(model.path.string()) + ": " + std::move(*assumed));
  if (are_numbered(model.labels))
    lines.push_back("the model's " + grouped(static_cast<std::int64_t>(model.labels.size())) +
                    " classes have no names: those of a set are taken for them in byte order");
  return lines;
}

HeldOut held_out_pictures(const std::filesystem::path& recipe,
                          const std::vector<std::string>& sources, const ModelFolder& model,
                          std::vector<std::string>& notes, Progress& progress) {
  progress.status("reading the held-out pictures");
  notes = assumptions_about(model);
  if (!recipe.empty()) {
    DataSets data = sets_of_recipe(recipe, model.labels, progress);
    notes.insert(notes.end(), data.notes.begin(), data.notes.end());
    return std::move(data.held_out);
  }
  if (sources.empty())
    throw UsageError("held-out pictures are needed: --val SOURCE or --recipe RUN");
  LoadOptions options;
  options.classes = model.labels;
  return HeldOut{ImageDataset::load(parse_sources(sources), options)};
}

}  // namespace stockpot::cli
