// A classifier whose weights are a mix of ingredients, and the exact gradient of its loss with
// respect to their coefficients.
#pragma once

#include <memory>
#include <vector>

#include "stockpot/eval/kept_pictures.h"
#include "stockpot/learned/mix_memory.h"

namespace stockpot {

struct MixedModelOptions {
  Rows rows = Rows::global;
  at::Device device = at::kCPU;
  bool bf16 = false;              // autocast, CUDA only
  std::optional<Keep> keep = {};  // unset: what fits
  std::uint64_t mapped = 0;       // bytes of files that may stay mapped (blend/ingredients.h)
};

// Sums over batches.
struct MixLoss {
  double loss = 0;  // of beta times the logits; each batch weighted by its share
  double beta_gradient = 0;
  std::int64_t correct = 0, rows = 0;
};

class MixedModel {
 public:
  // `folder`: the first model's; all models of the plan have its architecture and labels. Both
  // outlive this. Throws UsageError when `keep` does not fit on the device.
  MixedModel(const ModelFolder& folder, const MergePlan& plan, const MixedModelOptions& options);
  ~MixedModel();

  // In evaluation mode: dropout is off and BatchNorm frozen.
  Classifier& classifier();
  const Ingredients& ingredients() const;
  const std::vector<std::string>& row_names() const;
  // Indices of tensors of ingredients() by row.
  std::vector<std::vector<std::size_t>> tensors_by_row() const;
  Keep keep() const;

  // The weights become those of the mix (rows x models), and the gradients zero.
  void set(std::span<const double> alpha);
  // Adds `share` times the gradient of the batch's mean loss, at the present weights.
  void add(const Inputs& inputs, double beta, double share, MixLoss& sum);
  // dL/dalpha of what was added since set(): rows x models.
  std::vector<double> alpha_gradient();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stockpot
