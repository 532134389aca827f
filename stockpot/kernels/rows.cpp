#include "stockpot/kernels/rows.h"

#include "stockpot/base/isa.h"
#include "stockpot/kernels/math.h"

namespace stockpot {

STOCKPOT_PER_ISA
void add_column_sums(std::int64_t rows, std::int64_t n, const float* x, std::int64_t row,
                     float* sums) {
  for (std::int64_t i = 0; i < rows; ++i, x += row) {
    STOCKPOT_INDEPENDENT
    for (std::int64_t j = 0; j < n; ++j) sums[j] += x[j];
  }
}

STOCKPOT_PER_ISA
void add_parts(std::int64_t parts, std::int64_t n, const float* x, float* total) {
  for (std::int64_t part = 0; part < parts; ++part, x += n) {
    STOCKPOT_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) total[i] = part == 0 ? x[i] : total[i] + x[i];
  }
}

}  // namespace stockpot
