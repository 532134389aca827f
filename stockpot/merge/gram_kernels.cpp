#include "stockpot/merge/gram_kernels.h"

#include <algorithm>
#include <array>

#include "stockpot/base/isa.h"
#include "stockpot/checkpoint/float_bits.h"
#include "stockpot/checkpoint/prefetch.h"

namespace stockpot::merge_kernels {
namespace {

// Separate sums, so that the additions do not wait for each other and become vector code; the
// same order of additions on every processor.
constexpr std::size_t kLanes = 8;

template <typename Lanes>
[[gnu::always_inline]] inline double total_of(const Lanes& lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

using Lanes = std::array<double, kLanes>;
constexpr std::size_t kRowsAtOnce = 4;

// <row, others[r]> for kRowsAtOnce rows that follow each other.
[[gnu::always_inline]] inline void four_products(const double* row, const double* others,
                                                 std::size_t columns, double* out) {
  std::array<Lanes, kRowsAtOnce> sums{};
  std::size_t i = 0;
  for (; i + kLanes <= columns; i += kLanes)
    for (std::size_t r = 0; r < kRowsAtOnce; ++r)
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        sums[r][lane] += row[i + lane] * others[r * columns + i + lane];
  for (; i < columns; ++i)
    for (std::size_t r = 0; r < kRowsAtOnce; ++r) sums[r][0] += row[i] * others[r * columns + i];
  for (std::size_t r = 0; r < kRowsAtOnce; ++r) out[r] += total_of(sums[r]);
}

[[gnu::always_inline]] inline double product(const double* a, const double* b,
                                             std::size_t columns) {
  Lanes sums{};
  std::size_t i = 0;
  for (; i + kLanes <= columns; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  for (; i < columns; ++i) sums[0] += a[i] * b[i];
  return total_of(sums);
}

STOCKPOT_PER_ISA void add_gram_by_rows(const double* x, std::size_t rows, std::size_t columns,
                                       double* gram) {
  for (std::size_t i = 0; i < rows; ++i) {
    const double* row = x + i * columns;
    std::size_t j = 0;
    for (; j + kRowsAtOnce <= i + 1; j += kRowsAtOnce)
      four_products(row, x + j * columns, columns, gram + i * rows + j);
    for (; j <= i; ++j) gram[i * rows + j] += product(row, x + j * columns, columns);
  }
}

#if defined(__x86_64__)

// All lanes in one of 32 registers: 4 x 4 rows at once, two loads for four products.
using Wide = double __attribute__((vector_size(64), aligned(8), may_alias));
constexpr std::size_t kBlock = 4;

template <std::size_t kB, bool diagonal>
[[gnu::always_inline]] inline constexpr std::size_t columns_of(std::size_t r) {
  return diagonal ? r + 1 : kB;
}

// The products of kA rows from `a` on with kB rows from `b` on; on the diagonal, where they are the
// same rows, the lower triangle.
template <std::size_t kA, std::size_t kB, bool diagonal>
[[gnu::always_inline]] inline void add_block(const double* a, const double* b, std::size_t columns,
                                             double* gram, std::size_t stride) {
  Wide sums[kA][kB] = {};
  std::size_t i = 0;
  for (; i + kLanes <= columns; i += kLanes) {
    Wide right[kB];
    for (std::size_t s = 0; s < kB; ++s)
      right[s] = *reinterpret_cast<const Wide*>(b + s * columns + i);
    for (std::size_t r = 0; r < kA; ++r) {
      const Wide left = *reinterpret_cast<const Wide*>(a + r * columns + i);
      for (std::size_t s = 0; s < columns_of<kB, diagonal>(r); ++s) sums[r][s] += left * right[s];
    }
  }
  for (; i < columns; ++i)
    for (std::size_t r = 0; r < kA; ++r)
      for (std::size_t s = 0; s < columns_of<kB, diagonal>(r); ++s)
        sums[r][s][0] += a[r * columns + i] * b[s * columns + i];
  for (std::size_t r = 0; r < kA; ++r)
    for (std::size_t s = 0; s < columns_of<kB, diagonal>(r); ++s)
      gram[r * stride + s] += total_of(sums[r][s]);
}

template <std::size_t kA>
[[gnu::target("avx512f")]] void add_rows(const double* x, std::size_t i, std::size_t rows,
                                         std::size_t columns, double* gram) {
  const double* const a = x + i * columns;
  for (std::size_t j = 0; j < i; j += kBlock)
    add_block<kA, kBlock, false>(a, x + j * columns, columns, gram + i * rows + j, rows);
  add_block<kA, kA, true>(a, a, columns, gram + i * rows + i, rows);
}

void add_gram_by_blocks(const double* x, std::size_t rows, std::size_t columns, double* gram) {
  constexpr decltype(&add_rows<1>) kAdd[kBlock] = {add_rows<1>, add_rows<2>, add_rows<3>,
                                                   add_rows<4>};
  for (std::size_t i = 0; i < rows; i += kBlock)
    kAdd[std::min(kBlock, rows - i) - 1](x, i, rows, columns, gram);
}

#endif

}  // namespace

void add_gram(const double* x, std::size_t rows, std::size_t columns, double* gram) {
#if defined(__x86_64__)
  static const bool wide = __builtin_cpu_supports("avx512f");
  if (wide) return add_gram_by_blocks(x, rows, columns, gram);
#endif
  add_gram_by_rows(x, rows, columns, gram);
}

namespace {

template <typename Read>
[[gnu::always_inline]] inline void task_vectors(std::span<const std::byte* const> models,
                                                const std::byte* base, std::size_t ahead,
                                                double* rows, std::span<double> total, Read read) {
  constexpr std::size_t kGroup = 16;  // elements at a time: their bases and sums in registers
  const std::size_t columns = total.size(), whole = columns / kGroup * kGroup;
  for (std::size_t i = 0; i < whole; i += kGroup) {
    double origin[kGroup], sum[kGroup];
    ask_for<kGroup * Read::kBytes>(base + (ahead + i) * Read::kBytes);
    for (std::size_t j = 0; j < kGroup; ++j) origin[j] = read(base, i + j);
    for (std::size_t j = 0; j < kGroup; ++j) sum[j] = 0;
    double* row = rows + i;
    for (const std::byte* const model : models) {
      ask_for<kGroup * Read::kBytes>(model + (ahead + i) * Read::kBytes);
      double difference[kGroup];
      for (std::size_t j = 0; j < kGroup; ++j) difference[j] = read(model, i + j) - origin[j];
      for (std::size_t j = 0; j < kGroup; ++j) sum[j] += difference[j];
      for (std::size_t j = 0; j < kGroup; ++j) row[j] = difference[j];
      row += columns;
    }
    for (std::size_t j = 0; j < kGroup; ++j) total[i + j] = sum[j];
  }
  for (std::size_t i = whole; i < columns; ++i) {
    total[i] = 0;
    for (std::size_t m = 0; m < models.size(); ++m)
      total[i] += rows[m * columns + i] = read(models[m], i) - read(base, i);
  }
}

}  // namespace

STOCKPOT_PER_ISA void task_vectors_f16(std::span<const std::byte* const> models,
                                       const std::byte* base, std::size_t ahead, double* rows,
                                       std::span<double> total) {
  task_vectors(models, base, ahead, rows, total, ReadF16{});
}

STOCKPOT_PER_ISA void task_vectors_bf16(std::span<const std::byte* const> models,
                                        const std::byte* base, std::size_t ahead, double* rows,
                                        std::span<double> total) {
  task_vectors(models, base, ahead, rows, total, ReadBf16{});
}

STOCKPOT_PER_ISA void task_vectors_f32(std::span<const std::byte* const> models,
                                       const std::byte* base, std::size_t ahead, double* rows,
                                       std::span<double> total) {
  task_vectors(models, base, ahead, rows, total, ReadF32{});
}

}  // namespace stockpot::merge_kernels
