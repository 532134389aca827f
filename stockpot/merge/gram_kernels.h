// The inner products of several rows with each other, compiled for several instruction sets and
// rounding alike in each (base/isa.h).
#pragma once

#include <cstddef>
#include <span>

namespace stockpot::merge_kernels {

// gram[i * rows + j] += <row i, row j> for j <= i, where row i is the `columns` values from
// x + i * columns on. The order of the additions depends on `columns` alone: eight sums, of the
// elements i, i + 8, i + 16, ..., and of the elements behind the last eight in the first of them.
void add_gram(const double* x, std::size_t rows, std::size_t columns, double* gram);

// Row i becomes the total.size() values of model i minus those of the base, and `total` the sum of
// the rows in their order. `ahead`: elements between these values and those that will be asked for
// next. Each model, and the base, points to at least total.size() values, unaligned.
void task_vectors_f16(std::span<const std::byte* const> models, const std::byte* base,
                      std::size_t ahead, double* rows, std::span<double> total);
void task_vectors_bf16(std::span<const std::byte* const> models, const std::byte* base,
                       std::size_t ahead, double* rows, std::span<double> total);
void task_vectors_f32(std::span<const std::byte* const> models, const std::byte* base,
                      std::size_t ahead, double* rows, std::span<double> total);

}  // namespace stockpot::merge_kernels
