// Layer normalisation of rows: y = (x - mean) / sqrt(variance + epsilon) * weight + bias.
#pragma once

#include <cstdint>

namespace stockpot {

// x and y: rows x n, y may be x. Also stores each row's mean and 1 / sqrt(variance + epsilon)
// unless they are null.
void layer_norm(std::int64_t rows, std::int64_t n, const float* x, const float* weight,
                const float* bias, float epsilon, float* y, float* mean, float* inverse);

// From the forward pass's x, mean and inverse. ADDS this range's part to weight_gradient and
// bias_gradient (n each): give every range its own and add them in order. x_gradient may be
// y_gradient.
void layer_norm_backward(std::int64_t rows, std::int64_t n, const float* x, const float* weight,
                         const float* mean, const float* inverse, const float* y_gradient,
                         float* x_gradient, float* weight_gradient, float* bias_gradient);

}  // namespace stockpot
