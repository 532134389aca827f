// The tensors of the known architectures: names as on disk, and shapes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stockpot/checkpoint/model_folder.h"

namespace stockpot {

struct ExpectedTensor {
  std::string name;
  Shape shape;
  bool buffer = false;   // BatchNorm's running statistics: saved, not trained
  bool counter = false;  // num_batches_tracked: an int64 that old files lack
};

// In the order of the forward pass: the head, with `classes` rows, comes last; without classes
// there is none.
std::vector<ExpectedTensor> expected_tensors(const ModelFolder& model, std::int64_t classes);

// Checks names, shapes and types against the architecture with a head of `classes` rows.
// Returns the names of tensors that are known and not needed (transformers' pooler). Throws
// FormatError naming `origin` and what does not fit.
std::vector<std::string> check_tensors(std::span<const TensorView> tensors,
                                       const ModelFolder& model, std::int64_t classes,
                                       const fs::path& origin);

// "ViT, 6 layers of 128, 4 heads, patch 8, image 64" for people.
std::string describe_architecture(const Architecture& architecture);

}  // namespace stockpot
