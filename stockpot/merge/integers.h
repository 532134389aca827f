// Integer and bool tensors of several models: never averaged.
#pragma once

#include <cstdint>
#include <span>

#include "stockpot/checkpoint/tensor.h"

namespace stockpot {

// The largest value of each element (for bools: whether it holds in any model), from element
// `first` on; `bytes` takes the result in the views' type, which all share.
void largest_integers(std::span<const TensorView* const> models, std::int64_t first,
                      std::span<std::byte> bytes);

}  // namespace stockpot
