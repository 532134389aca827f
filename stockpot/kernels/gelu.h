// GELU(x) = x P(X <= x) for a standard normal X: the exact form, not the tanh one.
#pragma once

#include <cstdint>

namespace stockpot {

// y[i] = GELU(x[i]); y may be x.
void gelu(std::int64_t n, const float* x, float* y);

// x_gradient[i] = y_gradient[i] GELU'(x[i]), and, at no cost, y[i] = GELU(x[i]) again: the
// forward pass need not keep it. x_gradient may be y_gradient.
void gelu_backward(std::int64_t n, const float* x, const float* y_gradient, float* x_gradient,
                   float* y);

}  // namespace stockpot
