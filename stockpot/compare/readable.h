// Which types have values that can be compared as numbers.
#pragma once

#include "stockpot/checkpoint/dtype.h"

namespace stockpot {

// Whether read_values() knows the type: all but the complex ones and those smaller than a byte.
constexpr bool has_numbers(Dtype dtype) { return row(dtype).bits >= 8 && dtype != Dtype::c64; }

// Whether merges average it.
constexpr bool can_be_averaged(Dtype dtype) {
  return dtype == Dtype::f16 || dtype == Dtype::bf16 || dtype == Dtype::f32 || dtype == Dtype::f64;
}

}  // namespace stockpot
