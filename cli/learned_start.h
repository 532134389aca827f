// Where learning a soup starts, and what is known of the models alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/cmd_soup_learned.h"
#include "stockpot/base/json.h"
#include "stockpot/base/progress.h"
#include "stockpot/blend/coefficients.h"
#include "stockpot/checkpoint/model_folder.h"
#include "stockpot/data/dataset.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot::cli {

struct LearnedStart {
  std::vector<double> alpha;  // of every row
  double beta = 1;
  std::optional<std::size_t> best;  // of the models alone, when that is known
  double best_loss = 0;             // 0: not known
  Accuracy best_accuracy;
  Json description;  // for people and the result

  Json to_json() const;
  static LearnedStart from_json(const Json& json);
};

struct StartWork {
  const LearnedArgs& args;
  const std::vector<ModelFolder>& folders;
  const std::vector<std::string>& keys;  // content hashes of the models
  const HeldOut& held_out;
  at::Device device;
  bool bf16 = false;
  Progress& progress;
};

// Throws UsageError and FormatError: a greedy folder of other models, a chosen model that is none
// of these.
LearnedStart find_start(const StartWork& work);

}  // namespace stockpot::cli
