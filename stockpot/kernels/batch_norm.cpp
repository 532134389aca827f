#include "stockpot/kernels/batch_norm.h"

#include <algorithm>

#include "stockpot/base/isa.h"
#include "stockpot/kernels/fuse_multiply_add.h"
#include "stockpot/kernels/math.h"

namespace stockpot {

STOCKPOT_PER_ISA
void moments(std::int64_t rows, std::int64_t channels, const float* x, float* mean,
             float* squares) {
  for (std::int64_t c = 0; c < channels; ++c) mean[c] = squares[c] = 0;
  const float share = 1.0f / static_cast<float>(rows);
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* at = x + row * channels;
    STOCKPOT_INDEPENDENT
    for (std::int64_t c = 0; c < channels; ++c) mean[c] += at[c];
  }
  for (std::int64_t c = 0; c < channels; ++c) mean[c] *= share;
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* at = x + row * channels;
    STOCKPOT_INDEPENDENT
    for (std::int64_t c = 0; c < channels; ++c) squares[c] += (at[c] - mean[c]) * (at[c] - mean[c]);
  }
}

void join_moments(std::int64_t all_rows, std::int64_t rows, std::int64_t channels,
                  const float* means, const float* squares, float* mean, float* variance) {
  for (std::int64_t c = 0; c < channels; ++c) {
    double count = 0, center = 0, distance = 0;
    for (std::int64_t begin = 0, at = c; begin < all_rows; begin += rows, at += channels) {
      const auto more = static_cast<double>(std::min(rows, all_rows - begin));
      const double step = means[at] - center, together = count + more;
      distance += squares[at] + step * step * count * more / together;
      center += step * more / together;
      count = together;
    }
    mean[c] = static_cast<float>(center);
    variance[c] = static_cast<float>(distance / count);
  }
}

namespace {

template <bool relu, bool shortcut>
STOCKPOT_INLINE void normal_rows(std::int64_t rows, std::int64_t channels, const float* x,
                                 const float* mean, const float* scale, const float* bias,
                                 const float* other, float* y) {
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t at = row * channels;
    STOCKPOT_INDEPENDENT
    for (std::int64_t c = 0; c < channels; ++c) {
      float value = (x[at + c] - mean[c]) * scale[c] + bias[c];
      if constexpr (shortcut) value += other[at + c];
      // A NaN stays one: it must reach the check of the loss.
      if constexpr (relu) value = value < 0 ? 0.0f : value;
      y[at + c] = value;
    }
  }
}

template <bool masked>
STOCKPOT_INLINE void sum_rows(std::int64_t rows, std::int64_t channels, const float* x,
                              const float* y, const float* y_gradient, const float* mean,
                              float* sums, float* products) {
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t at = row * channels;
    STOCKPOT_INDEPENDENT
    for (std::int64_t c = 0; c < channels; ++c) {
      float g = y_gradient[at + c];
      if constexpr (masked) g = y[at + c] > 0 ? g : 0.0f;
      sums[c] += g;
      products[c] += g * (x[at + c] - mean[c]);
    }
  }
}

template <bool live, bool masked, bool shortcut>
STOCKPOT_INLINE void backward_rows(std::int64_t rows, std::int64_t channels, const float* x,
                                   const float* y, const float* y_gradient,
                                   const BatchNormFactors& factors, float* x_gradient,
                                   float* shortcut_gradient) {
  const float *by_g = factors.by_g, *by_x = factors.by_x, *constant = factors.constant;
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t at = row * channels;
    STOCKPOT_INDEPENDENT
    for (std::int64_t c = 0; c < channels; ++c) {
      float g = y_gradient[at + c];
      if constexpr (masked) g = y[at + c] > 0 ? g : 0.0f;
      if constexpr (shortcut) shortcut_gradient[at + c] = g;
      float result = g * by_g[c];
      if constexpr (live) result += x[at + c] * by_x[c] + constant[c];
      x_gradient[at + c] = result;
    }
  }
}

}  // namespace

STOCKPOT_PER_ISA
void batch_norm(std::int64_t rows, std::int64_t channels, const float* x, const float* mean,
                const float* scale, const float* bias, const AfterNorm& after, float* y) {
  if (after.shortcut && after.relu)
    normal_rows<true, true>(rows, channels, x, mean, scale, bias, after.shortcut, y);
  else if (after.shortcut)
    normal_rows<false, true>(rows, channels, x, mean, scale, bias, after.shortcut, y);
  else if (after.relu)
    normal_rows<true, false>(rows, channels, x, mean, scale, bias, nullptr, y);
  else
    normal_rows<false, false>(rows, channels, x, mean, scale, bias, nullptr, y);
}

STOCKPOT_PER_ISA
void batch_norm_sums(std::int64_t rows, std::int64_t channels, const float* x, const float* y,
                     const float* y_gradient, const float* mean, float* sums, float* products) {
  if (y)
    sum_rows<true>(rows, channels, x, y, y_gradient, mean, sums, products);
  else
    sum_rows<false>(rows, channels, x, y, y_gradient, mean, sums, products);
}

STOCKPOT_PER_ISA
void batch_norm_backward(std::int64_t rows, std::int64_t channels, const float* x, const float* y,
                         const float* y_gradient, const BatchNormFactors& factors,
                         float* x_gradient, float* shortcut_gradient) {
#define STOCKPOT_BACKWARD(live, masked, shortcut)                                              \
  backward_rows<live, masked, shortcut>(rows, channels, x, y, y_gradient, factors, x_gradient, \
                                        shortcut_gradient)
  const bool live = factors.by_x != nullptr;
  switch ((live ? 4 : 0) + (y ? 2 : 0) + (shortcut_gradient ? 1 : 0)) {
    case 0:
      return STOCKPOT_BACKWARD(false, false, false);
    case 1:
      return STOCKPOT_BACKWARD(false, false, true);
    case 2:
      return STOCKPOT_BACKWARD(false, true, false);
    case 3:
      return STOCKPOT_BACKWARD(false, true, true);
    case 4:
      return STOCKPOT_BACKWARD(true, false, false);
    case 5:
      return STOCKPOT_BACKWARD(true, false, true);
    case 6:
      return STOCKPOT_BACKWARD(true, true, false);
    default:
      return STOCKPOT_BACKWARD(true, true, true);
  }
#undef STOCKPOT_BACKWARD
}

}  // namespace stockpot
