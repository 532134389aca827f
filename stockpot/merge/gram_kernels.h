// The inner products of several rows with each other, compiled once per instruction set and
// rounding alike in each (base/isa.h).
#pragma once

#include <cstddef>

namespace stockpot::merge_kernels {

// gram[i * rows + j] += <row i, row j> for j <= i, where row i is the `columns` values from
// x + i * columns on. The order of the additions depends on `columns` alone.
void add_gram(const double* x, std::size_t rows, std::size_t columns, double* gram);

}  // namespace stockpot::merge_kernels
