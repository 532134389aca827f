// Weighted combinations of models of one architecture, and what they say about sets whose
// pictures were decoded once: the points of curves, planes and subsets.
#pragma once

#include <c10/core/Device.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "stockpot/base/progress.h"
#include "stockpot/data/dataset.h"
#include "stockpot/merge/plan.h"
#include "stockpot/metrics/predictions.h"
#include "stockpot/model/classifier.h"
#include "stockpot/report/run_report.h"

namespace stockpot {

// A set to look at. Its pictures stay decoded within the budget that it was loaded with
// (LoadOptions::memory_budget).
struct NamedSet {
  std::string name;
  SetRole role = SetRole::held_out;
  ImageDataset set;
};

struct MixtureOptions {
  at::Device device = at::kCPU;
  bool bf16 = false;  // autocast, CUDA only
  std::int64_t batch_size = 256;
  // BatchNorm's statistics of a mixture: kept from the first model with a weight; the mean; the
  // law of total variance; or measured anew on `pictures`. Means weigh the models by their
  // weights over the sum of these.
  BatchNormPolicy batchnorm = BatchNormPolicy::variance;
  const ImageDataset* pictures = nullptr;  // recompute; must outlive the mixtures
};

class Mixtures {
 public:
  // Model folders of stockpot. They must have the same tensors, class names and preprocessing,
  // and every set the first one's class names as its classes. Files are mapped, not read.
  // Throws FormatError naming what differs, UsageError for options that contradict each other.
  Mixtures(const std::vector<fs::path>& folders, std::vector<NamedSet> sets,
           const MixtureOptions& options, Progress& progress);
  ~Mixtures();

  std::size_t models() const;
  const std::vector<NamedSet>& sets() const;
  const std::vector<ModelFolder>& folders() const;
  const std::vector<Checkpoint>& checkpoints() const;  // their tensors, as mapped files
  bool has_batchnorm() const;

  // sum_i weights[i] * theta_i of the floating-point tensors, in fp64, rounded once to the
  // models' type (the widest of them). Any finite weights: they need not add up to 1. One 1 among
  // zeros gives that model, equal weights that add up to 1 what `stockpot average` makes, {1 - a,
  // a} what `stockpot interpolate` makes, bit for bit. Integers are those of the models, which
  // must agree; of BatchNorm's counters the largest is taken. The statistics of
  // BatchNormPolicy::recompute are not in here but in model().
  // Throws UsageError for weights that are not finite, all 0, or not one a model; FormatError
  // naming model and tensor for NaN and Inf and for values that do not fit their type.
  std::vector<OwnedTensor> tensors(std::span<const double> weights) const;

  // The mixture as a classifier on the device, in evaluation mode. Lives until the next call.
  Classifier& model(std::span<const double> weights);

  // Logits on sets()[set], or on all sets. The last mixture is kept: the same weights are not
  // mixed again. Throws Interrupted.
  Predictions on(std::span<const double> weights, std::size_t set);
  std::vector<Predictions> on_all(std::span<const double> weights);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stockpot
