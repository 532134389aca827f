#include "stockpot/merge/gram_kernels.h"

#include <array>

#include "stockpot/base/isa.h"

namespace stockpot::merge_kernels {
namespace {

// Separate sums, so that the additions do not wait for each other and become vector code; the
// same order of additions on every processor.
constexpr std::size_t kLanes = 8;
using Lanes = std::array<double, kLanes>;

[[gnu::always_inline]] inline double total(const Lanes& lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

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
  for (std::size_t r = 0; r < kRowsAtOnce; ++r) out[r] += total(sums[r]);
}

[[gnu::always_inline]] inline double product(const double* a, const double* b,
                                             std::size_t columns) {
  Lanes sums{};
  std::size_t i = 0;
  for (; i + kLanes <= columns; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  for (; i < columns; ++i) sums[0] += a[i] * b[i];
  return total(sums);
}

}  // namespace

STOCKPOT_PER_ISA void add_gram(const double* x, std::size_t rows, std::size_t columns,
                               double* gram) {
  for (std::size_t i = 0; i < rows; ++i) {
    const double* row = x + i * columns;
    std::size_t j = 0;
    for (; j + kRowsAtOnce <= i + 1; j += kRowsAtOnce)
      four_products(row, x + j * columns, columns, gram + i * rows + j);
    for (; j <= i; ++j) gram[i * rows + j] += product(row, x + j * columns, columns);
  }
}

}  // namespace stockpot::merge_kernels
