// Adapters folded into their base model: W + sum_i w_i scaling_i B_i A_i in double precision,
// rounded once. With weights that sum to 1 this is the mean of the merged models, whatever the
// adapters' ranks, alphas and targets are.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/checkpoint/convert.h"
#include "stockpot/merge/lora.h"

namespace stockpot {

struct LoraFoldOptions {
  std::vector<double> weights;  // of the adapters, as they are multiplied in
  double scale = 1;             // of all low-rank changes; tensors trained whole are not scaled
  std::optional<Dtype> dtype;
  Container container = Container::safetensors;
};

class LoraFold {
 public:
  // Pairs the adapters' modules with tensors of the base: by name, or with the first part of the
  // names left out (models saved without their head). Throws FormatError naming the adapter, the
  // module and the shapes: not in the base, another shape, a weight that is no floating-point
  // tensor, a tensor that only some adapters trained whole and that the base lacks. All must
  // outlive this object.
  LoraFold(const Checkpoint& base, const std::vector<LoraAdapter>& adapters,
           const LoraFoldOptions& options);
  ~LoraFold();

  const ConversionPlan& plan() const;
  std::size_t changed() const;   // tensors with a low-rank change
  std::size_t replaced() const;  // tensors that were trained whole

  // Holds the factors of one tensor and blocks of the model in memory.
  void write(CheckpointWriter& writer, Progress& progress) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stockpot
