#include "stockpot/kernels/convolution.h"

#include <algorithm>

#include "support.h"

namespace stockpot {
namespace {

using namespace test;

// Everything by the definition, in double.
struct Reference {
  Doubles y, x_gradient, weight_gradient;
};

Reference reference(const ConvShape& s, const Floats& x, const Floats& weight,
                    const Floats& y_gradient) {
  Reference r{Doubles(y_gradient.size()), Doubles(x.size()), Doubles(weight.size())};
  for (std::int64_t image = 0; image < s.images; ++image)
    for (std::int64_t to = 0; to < s.out_pixels(); ++to)
      for (std::int64_t place = 0; place < s.size * s.size; ++place) {
        const std::int64_t row = to / s.out_width() * s.stride + place / s.size - s.size / 2;
        const std::int64_t column = to % s.out_width() * s.stride + place % s.size - s.size / 2;
        if (row < 0 || row >= s.height || column < 0 || column >= s.width) continue;
        const std::int64_t from = row * s.width + column;
        for (std::int64_t o = 0; o < s.out; ++o)
          for (std::int64_t i = 0; i < s.in; ++i) {
            const auto at_y = static_cast<std::size_t>((image * s.out_pixels() + to) * s.out + o);
            const auto at_x = static_cast<std::size_t>((image * s.pixels() + from) * s.in + i);
            const auto at_w = static_cast<std::size_t>((o * s.size * s.size + place) * s.in + i);
            r.y[at_y] += static_cast<double>(x[at_x]) * weight[at_w];
            r.x_gradient[at_x] += static_cast<double>(y_gradient[at_y]) * weight[at_w];
            r.weight_gradient[at_w] += static_cast<double>(y_gradient[at_y]) * x[at_x];
          }
      }
  return r;
}

template <typename Body>
void in_parts(std::int64_t channels, std::int64_t size, const Body& body) {
  for (std::int64_t begin = 0; begin < channels; begin += size)
    body(Channels{begin, std::min(channels, begin + size)});
}

struct Outcome {
  Floats y, x_gradient, weight_gradient;
};

Outcome run(const ConvShape& s, const Floats& x, const Floats& weight, const Floats& y_gradient,
            std::int64_t part) {
  // What the results held before must not matter.
  Outcome r{Floats(y_gradient.size(), NAN), Floats(x.size(), NAN), Floats(weight.size(), NAN)};
  in_parts(s.out, part,
           [&](const Channels& c) { convolve(s, c, x.data(), weight.data(), r.y.data()); });
  in_parts(s.in, part, [&](const Channels& c) {
    convolve_backward(s, c, y_gradient.data(), weight.data(), r.x_gradient.data());
    convolve_weight_gradient(s, c, y_gradient.data(), x.data(), r.weight_gradient.data());
  });
  return r;
}

ConvShape shape(std::int64_t images, std::int64_t height, std::int64_t width, std::int64_t in,
                std::int64_t out, std::int64_t size, std::int64_t stride) {
  return {.images = images,
          .height = height,
          .width = width,
          .in = in,
          .out = out,
          .size = size,
          .stride = stride};
}

TEST(Convolution, EqualsSumsInDouble) {
  for (const ConvShape& s :
       {shape(3, 2, 2, 20, 33, 3, 1), shape(9, 4, 3, 5, 8, 3, 2), shape(2, 4, 4, 16, 32, 1, 2),
        shape(1, 1, 1, 7, 1, 3, 1), shape(5, 3, 5, 4, 6, 5, 2), shape(2, 1, 6, 300, 3, 3, 1)}) {
    const Floats x = random_floats(s.images * s.pixels() * s.in, 1);
    const Floats weight = random_floats(s.out * s.size * s.size * s.in, 2);
    const Floats gradient = random_floats(s.images * s.out_pixels() * s.out, 3);
    const Reference expected = reference(s, x, weight, gradient);
    const Outcome actual = run(s, x, weight, gradient, 1000);
    expect_near(actual.y, expected.y, 3e-5);
    expect_near(actual.x_gradient, expected.x_gradient, 3e-5);
    expect_near(actual.weight_gradient, expected.weight_gradient, 3e-5);
  }
}

TEST(Convolution, HasTheSameBitsHoweverTheChannelsAreSplit) {
  const ConvShape s = shape(7, 4, 4, 50, 70, 3, 2);
  const Floats x = random_floats(s.images * s.pixels() * s.in, 1);
  const Floats weight = random_floats(s.out * s.size * s.size * s.in, 2);
  const Floats gradient = random_floats(s.images * s.out_pixels() * s.out, 3);
  const Outcome whole = run(s, x, weight, gradient, 1000);
  for (const std::int64_t part : {1, 16, 32}) {
    const Outcome parts = run(s, x, weight, gradient, part);
    EXPECT_EQ(parts.y, whole.y) << part;
    EXPECT_EQ(parts.x_gradient, whole.x_gradient) << part;
    EXPECT_EQ(parts.weight_gradient, whole.weight_gradient) << part;
  }
}

}  // namespace
}  // namespace stockpot
