// The linear probe of a run: fitted on features that the pretrained model makes once, and, after
// its penalty was chosen, scored with every other penalty on the sets that choose nothing.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stockpot/pipeline/model_on_sets.h"
#include "stockpot/report/probe_path_report.h"
#include "stockpot/train/probe_heads.h"

namespace stockpot {

// Features of the pretrained model for a set: from the recipe's feature cache, or that in the
// run's folder (features/). Throws Interrupted.
at::Tensor probe_features(const TrainContext& context, const ImageDataset& set);

struct FittedProbe {
  Accuracy held_out;
  std::vector<std::pair<std::string, std::string>> choices;
  std::vector<std::string> warnings;
  Json details;  // chosen, scaling and path: what ProbeOnSets reads back
};

// The heads of all penalties are kept up to here, in memory and in the run's folder: 100 penalties,
// 1,000 classes and 2,048 features take 820 MB.
inline constexpr std::uint64_t kMostHeadBytes = 1'000'000'000;
// The sentence that says that they are not kept; "" when they are.
std::string heads_not_kept(std::size_t penalties, std::int64_t classes, std::int64_t features);

// Fits the path on the training set, chooses on the held-out set and gives `model` the head. Leaves
// metrics.jsonl, metrics.csv and path.safetensors (the heads of all penalties, up to
// kMostHeadBytes; else a warning) in the trial's folder. Throws what
// fit_probe() throws, TrialTakenOver, WriteError.
FittedProbe train_probe(const TrainContext& context, Classifier& model, const TrialRun& run);

// A finished probe before sets.
class ProbeOnSets {
 public:
  // `run`: the trial's folder.
  ProbeOnSets(const TrainContext& context, fs::path run);
  ProbeOnSets(const ProbeOnSets&) = delete;  // model_ refers to this

  // As ModelOnSets::on(), without a second pass of the backbone; scores all penalties, too.
  Predictions on(const std::string& name, const ImageDataset& set);
  // Scores on the sets so far; on the held-out set alone when the trial kept no heads. Nothing
  // when it did not tell its path.
  const std::optional<ReportedProbePath>& path() const { return path_; }

 private:
  void score(const std::string& name, const ImageDataset& set, const at::Tensor& features);

  const TrainContext& context_;
  at::Tensor features_;  // of the set that on() is working on
  ModelOnSets model_;
  std::optional<ReportedProbePath> path_;
  std::vector<Accuracy> held_out_;  // at every penalty, as it was when one was chosen
  std::optional<ProbeHeads> heads_;
};

}  // namespace stockpot
