// What models say about held-out pictures by themselves, where it is known already.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/progress.h"
#include "stockpot/checkpoint/model_folder.h"
#include "stockpot/metrics/predictions.h"

namespace stockpot::cli {

class LogitsOfModels {
 public:
  // `folder`: as `eval --logits` left it; empty: training left logits beside the models.
  // `contents`: content hashes of the models. `wanted`: the rows, and what would compute them here.
  LogitsOfModels(std::filesystem::path folder, std::vector<ModelFolder> models,
                 std::vector<std::string> contents, Predictions wanted, Progress& progress);

  // Nothing when there are none of this model as it is now, on these very rows, computed as they
  // would be here: the model is run then. A line says why where the folder was named.
  std::optional<Predictions> operator()(std::size_t model);

 private:
  std::filesystem::path file_of(const ModelFolder& model) const;

  std::filesystem::path folder_;
  std::vector<ModelFolder> models_;
  std::vector<std::string> contents_;
  Predictions wanted_;
  Progress& progress_;
  std::vector<bool> refused_;
};

}  // namespace stockpot::cli
