#include "stockpot/kernels/gelu.h"

#include "stockpot/base/isa.h"
#include "stockpot/kernels/fuse_multiply_add.h"
#include "stockpot/kernels/math.h"

namespace stockpot {

STOCKPOT_PER_ISA
void gelu(std::int64_t n, const float* x, float* y) {
  STOCKPOT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) y[i] = x[i] * normal(x[i]).probability;
}

STOCKPOT_PER_ISA
void gelu_backward(std::int64_t n, const float* x, const float* y_gradient, float* x_gradient,
                   float* y) {
  STOCKPOT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    const Normal at = normal(x[i]);
    y[i] = x[i] * at.probability;
    x_gradient[i] = y_gradient[i] * (at.probability + x[i] * at.density);
  }
}

}  // namespace stockpot
