// Logits of models by set, whether they have to be computed or were stored before.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/analysis_commands.h"
#include "stockpot/base/progress.h"
#include "stockpot/pipeline/model_logits.h"

namespace stockpot::cli {

struct LogitsTable {
  struct Set {
    std::string name;
    SetRole role = SetRole::ood;
  };
  std::vector<std::string> names;  // of the models
  std::vector<Set> sets;
  std::size_t held_out = 0;  // of sets
  std::function<Predictions(std::size_t model, std::size_t set)> on;
  std::shared_ptr<ModelLogits> models;  // nullptr when these are files
};

// Whether it is a logits store, or a folder of some as `eval --logits` writes for a model.
bool holds_logits(const fs::path& path);

// `paths` are folders of models, looked at on `sets`; or all of them hold logits: then a folder's
// val.safetensors is held out, id.safetensors the ID test set and all others are OOD; a file is
// held out. `store`: a folder for the logits of models, or empty. Throws UsageError for a mixture
// of both, without a held-out set, and for folders that hold other sets than the first one. Reading
// files throws FormatError naming one of other rows, pictures or arithmetic than the first model's,
// or of another model than the folder's others.
LogitsTable logits_table(const std::vector<fs::path>& paths, const AnalysisSets& sets,
                         const fs::path& store, const CommandLine& line, Progress& progress);

}  // namespace stockpot::cli
