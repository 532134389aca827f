#include "stockpot/kernels/layer_norm.h"

#include <cmath>

#include "stockpot/base/isa.h"
#include "stockpot/kernels/fuse_multiply_add.h"
#include "stockpot/kernels/lanes.h"

namespace stockpot {

STOCKPOT_PER_ISA
void layer_norm(std::int64_t rows, std::int64_t n, const float* x, const float* weight,
                const float* bias, float epsilon, float* y, float* mean, float* inverse) {
  const float share = 1.0f / static_cast<float>(n);
  for (std::int64_t row = 0; row < rows; ++row, x += n, y += n) {
    const float center = row_sum(n, x) * share;
    const float scale = 1.0f / std::sqrt(row_squares(n, x, center) * share + epsilon);
    STOCKPOT_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) y[i] = (x[i] - center) * scale * weight[i] + bias[i];
    if (mean) mean[row] = center;
    if (inverse) inverse[row] = scale;
  }
}

// With z = (x - mean) * inverse and g = y_gradient * weight:
// x_gradient = inverse * (g - mean(g) - z mean(g z)).
STOCKPOT_PER_ISA
void layer_norm_backward(std::int64_t rows, std::int64_t n, const float* x, const float* weight,
                         const float* mean, const float* inverse, const float* y_gradient,
                         float* x_gradient, float* weight_gradient, float* bias_gradient) {
  const float share = 1.0f / static_cast<float>(n);
  for (std::int64_t row = 0; row < rows; ++row, x += n, y_gradient += n, x_gradient += n) {
    const float center = mean[row], scale = inverse[row];
    Lanes sums = {}, products = {};
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
      const Lanes g = lanes_at(y_gradient + i) * lanes_at(weight + i);
      sums += g;
      products += g * (lanes_at(x + i) - center);
    }
    float sum = fold(sums), product = fold(products);
    for (; i < n; ++i) {
      const float g = y_gradient[i] * weight[i];
      sum += g;
      product += g * (x[i] - center);
    }
    const float mean_g = sum * share, mean_gz = product * scale * share;
    STOCKPOT_INDEPENDENT
    for (i = 0; i < n; ++i) {
      const float z = (x[i] - center) * scale, dy = y_gradient[i];
      weight_gradient[i] += dy * z;
      bias_gradient[i] += dy;
      x_gradient[i] = scale * (dy * weight[i] - mean_g - z * mean_gz);
    }
  }
}

}  // namespace stockpot
