// Small passes over matrices.
#pragma once

#include <cstdint>

namespace stockpot {

// sums[j] += the sum over i of x[i * row + j], for rows x n numbers.
void add_column_sums(std::int64_t rows, std::int64_t n, const float* x, std::int64_t row,
                     float* sums);

// total[i] = the sum of `parts` arrays of n floats that lie one behind the other, added in
// their order; total may be the first part.
void add_parts(std::int64_t parts, std::int64_t n, const float* x, float* total);

}  // namespace stockpot
