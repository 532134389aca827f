// A set's pictures as inputs of a network, for one walk over them after the other.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "stockpot/checkpoint/model_folder.h"
#include "stockpot/data/batch.h"
#include "stockpot/data/dataset.h"

namespace stockpot {

struct Inputs {
  at::Tensor images;               // n x 3 x height x width float32, normalised
  at::Tensor labels;               // n int64
  std::vector<std::int64_t> rows;  // of the set
};

Inputs to_inputs(const Batch& batch, const Preprocessing& preprocessing, at::Device device);

// On a GPU the prepared pictures are uploaded once, as bytes, and stay there while they take less
// than 2 GiB; a batch is then made on the device, with the same bits.
class KeptPictures {
 public:
  KeptPictures(const ImageDataset& set, const Preprocessing& preprocessing, at::Device device,
               int loader_threads);

  std::int64_t batches(std::int64_t batch_size) const;
  // The batches of a plan without augmentation and parts.
  void walk(const BatchPlan& plan, const std::function<void(const Inputs&)>& visit) const;

 private:
  void upload(int loader_threads);
  void walk_on_device(const BatchPlan& plan, const std::function<void(const Inputs&)>& visit) const;

  ImageDataset set_;
  Preprocessing preprocessing_;
  at::Device device_;
  at::Tensor pixels_, labels_;  // n x height x width x 3 bytes and n; undefined: not there
};

}  // namespace stockpot
