// Convolution of pictures of few pixels in NHWC order, without bias, padded by half the kernel's
// (odd) size: the last stages of a residual network. Each pixel of the result is a sum of
// matrix products over the whole batch, one for each place of the kernel that lies inside the
// picture: on 2 x 2 pixels a 3 x 3 kernel has four such places, while a general convolution
// multiplies by the padding as well.
//
// One thread; a call computes some channels, so that threads can share the work. The value of
// an element never depends on which.
#pragma once

#include <cstdint>

namespace stockpot {

struct ConvShape {
  std::int64_t images = 0, height = 0, width = 0;  // of the input
  std::int64_t in = 0, out = 0;                    // channels
  std::int64_t size = 0, stride = 1;               // of the kernel

  std::int64_t out_height() const { return (height - 1) / stride + 1; }
  std::int64_t out_width() const { return (width - 1) / stride + 1; }
  std::int64_t pixels() const { return height * width; }
  std::int64_t out_pixels() const { return out_height() * out_width(); }
};

// A range of channels.
struct Channels {
  std::int64_t begin = 0, end = 0;
};

// y[images x out_height x out_width x out], the channels `part` of it. x: images x height x
// width x in; weight: out x size x size x in.
void convolve(const ConvShape& shape, const Channels& part, const float* x, const float* weight,
              float* y);

// The gradient of x, the channels `part` of it.
void convolve_backward(const ConvShape& shape, const Channels& part, const float* y_gradient,
                       const float* weight, float* x_gradient);

// The gradient of the weight, the input channels `part` of it.
void convolve_weight_gradient(const ConvShape& shape, const Channels& part, const float* y_gradient,
                              const float* x, float* weight_gradient);

}  // namespace stockpot
