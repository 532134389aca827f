// The two passes of a separable filter over 8-bit RGB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "stockpot/checkpoint/model_folder.h"

namespace stockpot {

// What one axis of the result is made of: value i is the sum over t < count[i] of
// weights[offset[i] + t] / 2^22 times the source value first[i] + t.
struct AxisWeights {
  std::vector<int> first, count;
  std::vector<std::size_t> offset;
  std::vector<std::int32_t> weights;
};

// The weights of results begin .. begin + count - 1 of an axis that maps [low, high] of
// `source` pixels to `size` pixels. Not for nearest.
AxisWeights axis_weights(Interpolation interpolation, int source, float low, float high,
                         std::int64_t size, std::int64_t begin, int count);

// Filters along the rows: `out` gets rows x axis.first.size() pixels, tightly packed; source
// row i is at in + i * stride.
void resample_rows(const std::uint8_t* in, std::ptrdiff_t stride, int rows, const AxisWeights& axis,
                   std::uint8_t* out);

// Filters along the columns: `out` gets axis.first.size() rows of `bytes` bytes, tightly
// packed; source row i is at in + i * stride.
void resample_columns(const std::uint8_t* in, std::ptrdiff_t stride, std::size_t bytes,
                      const AxisWeights& axis, std::uint8_t* out);

}  // namespace stockpot
