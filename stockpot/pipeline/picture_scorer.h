// Scores soups of image classifiers on held-out pictures, with early rejection
// (soup/example_scorer.h).
#pragma once

#include <c10/core/Device.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/progress.h"
#include "stockpot/data/dataset.h"
#include "stockpot/metrics/pictures.h"
#include "stockpot/model/classifier.h"
#include "stockpot/soup/example_scorer.h"

namespace stockpot {

struct PictureScorerOptions {
  MetricKind metric = MetricKind::accuracy;
  at::Device device = at::kCPU;
  bool bf16 = false;
  std::vector<std::string> keys = {};  // of the candidates' contents
  fs::path shelf = {};                 // folder for logits; empty: memory
  // A candidate's logits on the held-out set, when they are known.
  std::function<std::optional<ShelvedLogits>(std::size_t candidate)> known = {};
};

class PictureScorer {
 public:
  // `folder`: the first model's; all have its architecture and its labels, which are the set's
  // classes. All arguments must outlive the scorer. Throws UsageError when the metric does not
  // fit the set.
  PictureScorer(SoupMixer& mixer, const ModelFolder& folder, const HeldOut& held_out,
                PictureScorerOptions options, Progress& progress);
  ~PictureScorer();

  Evaluation operator()(const SoupRequest& request);
  // The mean of these candidates as a classifier.
  Classifier mean(const std::vector<std::size_t>& ingredients);

  // Everything that the scores depend on beside the weights.
  Json description() const;
  // That the held-out rows show.
  Pictures pictures() const;
  // Whether a soup can be rejected before all pictures were looked at.
  bool can_stop() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stockpot
