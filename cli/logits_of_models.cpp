#include "cli/logits_of_models.h"

#include "stockpot/base/text.h"
#include "stockpot/eval/feature_cache.h"
#include "stockpot/pipeline/model_on_sets.h"
#include "stockpot/pipeline/run_folder.h"

namespace stockpot::cli {

LogitsOfModels::LogitsOfModels(fs::path folder, std::vector<ModelFolder> models,
                               std::vector<std::string> contents, Predictions wanted,
                               Progress& progress)
    : folder_(std::move(folder)),
      models_(std::move(models)),
      contents_(std::move(contents)),
      wanted_(std::move(wanted)),
      progress_(progress),
      refused_(models_.size()) {}

fs::path LogitsOfModels::file_of(const ModelFolder& model) const {
  return folder_.empty() ? logits_file(model.path.parent_path(), kHeldOutName)
                         : folder_ / file_name_for(model.path.native()) /
                               (std::string(kHeldOutName) + ".safetensors");
}

std::optional<Predictions> LogitsOfModels::operator()(std::size_t model) {
  if (refused_[model]) return std::nullopt;
  const ModelFolder& folder = models_[model];
  const fs::path file = file_of(folder);
  wanted_.model = model_key(folder, contents_[model]);
  std::string why;
  auto stored = stored_predictions(file, wanted_, &why);
  if (stored) return stored;
  refused_[model] = true;
  if (!folder_.empty())
    progress_.say(printable(file.native()) + " " + why + ": " + printable(folder.path.native()) +
                  " is run instead");
  return std::nullopt;
}

}  // namespace stockpot::cli
