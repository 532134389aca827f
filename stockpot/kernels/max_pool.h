// Max pooling with a 3 x 3 window, stride 2 and padding 1, of one picture in NHWC order: the
// pooling of a residual network's stem.
#pragma once

#include <cstdint>

namespace stockpot {

struct PoolShape {
  std::int64_t height = 0, width = 0, channels = 0;  // of the input

  std::int64_t out_height() const { return (height - 1) / 2 + 1; }
  std::int64_t out_width() const { return (width - 1) / 2 + 1; }
};

// y[out_height x out_width x channels] = the largest of its window of x; which[...] = its
// place there, 0 to 8 row by row, the first among equals. A NaN wins.
void max_pool(const PoolShape& shape, const float* x, float* y, std::uint8_t* which);

// x_gradient = for every output the gradient at the place that won, 0 elsewhere.
void max_pool_backward(const PoolShape& shape, const float* y_gradient, const std::uint8_t* which,
                       float* x_gradient);

}  // namespace stockpot
