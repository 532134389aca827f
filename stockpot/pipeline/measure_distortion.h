// Models over sets, batch by batch, into the accumulators of a diagnosis (diagnose/distortion.h).
#pragma once

#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "stockpot/base/progress.h"
#include "stockpot/data/dataset.h"
#include "stockpot/diagnose/distortion.h"
#include "stockpot/metrics/predictions.h"
#include "stockpot/model/classifier.h"

namespace stockpot {

struct DistortionRequest {
  std::vector<std::string> names;  // of the models, unique in a study
  // ID first. They live as long as the call; their classes are those of the second model.
  std::vector<std::pair<std::string, const ImageDataset*>> sets;
  diagnose::DistortionOptions options = {};
  bool layers = true;  // movement of stem and blocks, too
  bool bf16 = false;
  std::size_t most_kept = std::size_t{512} << 20;  // bytes of features of ID, against a second pass
  // What models say about sets, which predict() would say as well, comes on the way: asked for by
  // their indices, and told when the set is over.
  std::function<bool(std::size_t model, std::size_t set)> wants_predictions = {};
  std::function<void(std::size_t model, std::size_t set, Predictions)> on_predictions = {};
};

// models: BEFORE, then each AFTER, on one device; all prepare pictures alike and have equally many
// features. Pictures go through the test transform, those of ID twice when their features take more
// than `most_kept`. Throws what DistortionStudy throws, and Interrupted.
diagnose::Distortion measure_distortion(std::vector<Classifier>& models,
                                        const DistortionRequest& request, Progress& progress);

// Several studies that share BEFORE and the passes over the pictures: models are BEFORE, then
// afters[0] models of the first study, afters[1] of the second and so on.
std::vector<diagnose::Distortion> measure_distortions(std::vector<Classifier>& models,
                                                      std::span<const std::size_t> afters,
                                                      const DistortionRequest& request,
                                                      Progress& progress);

}  // namespace stockpot
