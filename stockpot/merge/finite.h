// NaN and Inf.
#pragma once

#include <cstdint>

#include "stockpot/checkpoint/tensor.h"

namespace stockpot {

// How many values of the tensor are NaN or Inf; 0 for types without numbers or without either.
// Reads it once, in parallel, in little memory.
std::int64_t count_not_finite(const TensorView& tensor);

}  // namespace stockpot
