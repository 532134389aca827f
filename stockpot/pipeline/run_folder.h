// The folder that `stockpot run` fills:
//
//   run.json                  what the runs depend on; made first
//   recipe.yaml               as it was run
//   sweep.json                the training runs as trials (sweep/trial.h), which any number of
//                             processes may work on at once
//   runs/<id>/                one trial, done when it has a result.json
//     model/                  a model folder that transformers or timm opens
//     metrics.jsonl, metrics.csv, result.json
//     logits/<set>.safetensors    added when the model is evaluated
//     path.safetensors        in runs/lp: the heads of all penalties (up to 1 GB)
//   features/                 of the linear probe, unless the recipe names another folder
//   soups/<name>/             the same, with ledger.json for the greedy soup
//   results.json, results.csv, results.md, report.html
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"
#include "stockpot/metrics/accuracy.h"
#include "stockpot/recipe/recipe.h"

namespace stockpot {

class RunFolder {
 public:
  // Makes the folder, or continues one that a recipe with the same run_identity() began; holds
  // its lock. Throws UsageError when `path` exists and is something else, naming what differs;
  // BusyError when another process has the lock.
  RunFolder(const fs::path& path, const Recipe& recipe, const Json& identity);
  // For one of many workers on its trials: nothing is locked. Throws UsageError when the folder
  // was made from other inputs.
  static RunFolder join(const fs::path& path, const Json& identity);

  const fs::path& path() const { return path_; }
  fs::path run(const std::string& id) const { return path_ / "runs" / id; }
  fs::path soup(const std::string& name) const { return path_ / "soups" / name; }

  // result.json of a finished run or soup whose "inputs" equal `inputs`. Nothing when it is
  // not there. Throws UsageError when it is there but was made from other inputs, naming the
  // first difference.
  std::optional<Json> finished(const fs::path& folder, const Json& inputs) const;

 private:
  explicit RunFolder(const fs::path& path) : path_(path) {}
  // Writes run.json, or compares with the one that is there.
  void mark(const Json& identity) const;

  fs::path path_;
  std::unique_ptr<FolderLock> lock_;
};

// Where a finished run or soup keeps what it said about a set: beside the model, so that it
// goes when the model goes.
fs::path logits_file(const fs::path& run, const std::string& set);

Json to_json(const Accuracy& accuracy);
Accuracy accuracy_from_json(const Json& json);

// A name that is safe as a file name: other characters than letters, digits, '.', '_', '-'
// become '_' and a short hash keeps names apart.
std::string file_name_for(const std::string& name);

}  // namespace stockpot
