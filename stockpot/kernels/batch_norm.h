// Batch normalisation of rows x channels (NHWC: a row is a pixel), with what follows it in a
// residual network: y = relu((x - mean) * scale + bias + shortcut), where scale = weight /
// sqrt(variance + epsilon). Subtracting the mean first keeps the digits that x * scale + shift
// loses where the mean is large.
#pragma once

#include <cstdint>

namespace stockpot {

// Of each channel: the mean over these rows and the sum of squared distances from it.
void moments(std::int64_t rows, std::int64_t channels, const float* x, float* mean, float* squares);

// Joins the moments of consecutive ranges, all `rows` long but the last: means and squares
// hold ranges x channels. In double (Chan, Golub, LeVeque 1979).
void join_moments(std::int64_t all_rows, std::int64_t rows, std::int64_t channels,
                  const float* means, const float* squares, float* mean, float* variance);

// What follows the normalisation; null and false leave a part out.
struct AfterNorm {
  const float* shortcut = nullptr;  // rows x channels
  bool relu = false;
};

// y may be x or the shortcut.
void batch_norm(std::int64_t rows, std::int64_t channels, const float* x, const float* mean,
                const float* scale, const float* bias, const AfterNorm& after, float* y);

// g, the gradient before the relu, is y_gradient where y > 0, all of it when y is null. ADDS,
// of each channel, the sum of g and of g * (x - mean).
void batch_norm_sums(std::int64_t rows, std::int64_t channels, const float* x, const float* y,
                     const float* y_gradient, const float* mean, float* sums, float* products);

// x_gradient = g * by_g[c] + x * by_x[c] + constant[c] (by_x and constant are null when the
// statistics were frozen), shortcut_gradient = g unless it is null.
struct BatchNormFactors {
  const float *by_g, *by_x, *constant;
};
void batch_norm_backward(std::int64_t rows, std::int64_t channels, const float* x, const float* y,
                         const float* y_gradient, const BatchNormFactors& factors,
                         float* x_gradient, float* shortcut_gradient);

}  // namespace stockpot
