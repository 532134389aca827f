// The tensors that a later step goes on from, by name: handles of the live memory, which a saved
// state is copied out of and back into.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

#include "stockpot/checkpoint/safetensors.h"
#include "stockpot/train/snapshot.h"

namespace stockpot {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

// The same memory as one dimension: the order of the values is that of the memory.
at::Tensor in_memory_order(const at::Tensor& tensor);

// Copies every value, from whatever device: float32, float64 or int64, and dense in
// memory.
void copy_out(const NamedTensors& tensors, Snapshot& snapshot);

// Copies back what copy_out() wrote. Throws FormatError naming a tensor that is missing or of
// another size.
void copy_in(const SafetensorsFile& file, const NamedTensors& tensors);

}  // namespace stockpot
