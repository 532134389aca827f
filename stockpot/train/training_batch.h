// One batch as the network gets it: inputs, labels, and what they are mixed with.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "stockpot/data/batch.h"
#include "stockpot/data/mixing.h"
#include "stockpot/model/classifier.h"
#include "stockpot/train/loss.h"

namespace stockpot {

// Rows of a batch on the model's device.
struct TrainingBatch {
  at::Tensor images;  // n x 3 x height x width float32, normalised and mixed; undefined for no rows
  at::Tensor labels;  // n int64
  // Of the rows that these are mixed with; undefined when they are not.
  at::Tensor partners;
  Shares shares;
  // Where these rows stand in the batch of all ranks, which has `whole`; empty: they are all of it.
  std::vector<std::int64_t> positions;
  std::int64_t whole = 0;

  std::int64_t size() const { return labels.size(0); }
  // Some of them; positions and whole stay.
  TrainingBatch rows(std::int64_t begin, std::int64_t end) const;
  Loss loss(const at::Tensor& logits, double smoothing) const;
};

TrainingBatch to_training_batch(const Batch& batch, const Mixing& mixing, const Classifier& model);

// Each row i of n mixed with row n - 1 - i, as timm's Mixup: lambda times the row plus 1 - lambda
// times its partner, or with the partner's pixels inside the box. images: n x 3 x height x width.
at::Tensor mix(const at::Tensor& images, const Mixing& mixing);

}  // namespace stockpot
