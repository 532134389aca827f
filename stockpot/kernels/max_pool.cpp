#include "stockpot/kernels/max_pool.h"

#include <algorithm>

#include "stockpot/base/isa.h"
#include "stockpot/kernels/math.h"

namespace stockpot {
namespace {

// The part of a window that lies inside one dimension: places first..last of 0..2.
struct Span {
  STOCKPOT_INLINE Span(std::int64_t center, std::int64_t size)
      : begin(2 * center - 1),
        first(begin < 0 ? 1 : 0),
        last(begin + 2 < size ? 2 : size - 1 - begin) {}
  std::int64_t begin, first, last;
};

STOCKPOT_INLINE void take_larger(std::int64_t channels, const float* x, std::uint8_t place,
                                 float* y, std::uint8_t* which) {
  STOCKPOT_INDEPENDENT
  for (std::int64_t c = 0; c < channels; ++c) {
    // As LibTorch: a later NaN replaces, an earlier one stays unless a NaN follows.
    const bool larger = x[c] > y[c] || x[c] != x[c];
    y[c] = larger ? x[c] : y[c];
    which[c] = larger ? place : which[c];
  }
}

STOCKPOT_INLINE void add_where(std::int64_t channels, const float* gradient,
                               const std::uint8_t* which, std::uint8_t place, float* sum) {
  STOCKPOT_INDEPENDENT
  for (std::int64_t c = 0; c < channels; ++c) sum[c] += which[c] == place ? gradient[c] : 0.0f;
}

}  // namespace

STOCKPOT_PER_ISA
void max_pool(const PoolShape& shape, const float* x, float* y, std::uint8_t* which) {
  const std::int64_t channels = shape.channels;
  for (std::int64_t row = 0; row < shape.out_height(); ++row)
    for (std::int64_t column = 0; column < shape.out_width(); ++column) {
      const Span rows(row, shape.height), columns(column, shape.width);
      bool first = true;
      for (std::int64_t i = rows.first; i <= rows.last; ++i)
        for (std::int64_t j = columns.first; j <= columns.last; ++j) {
          const float* pixel = x + ((rows.begin + i) * shape.width + columns.begin + j) * channels;
          const auto place = static_cast<std::uint8_t>(3 * i + j);
          if (first) {
            std::copy_n(pixel, channels, y);
            std::fill_n(which, channels, place);
            first = false;
          } else {
            take_larger(channels, pixel, place, y, which);
          }
        }
      y += channels;
      which += channels;
    }
}

STOCKPOT_PER_ISA
void max_pool_backward(const PoolShape& shape, const float* y_gradient, const std::uint8_t* which,
                       float* x_gradient) {
  const std::int64_t channels = shape.channels;
  std::fill_n(x_gradient, shape.height * shape.width * channels, 0.0f);
  for (std::int64_t row = 0; row < shape.out_height(); ++row)
    for (std::int64_t column = 0; column < shape.out_width(); ++column) {
      const Span rows(row, shape.height), columns(column, shape.width);
      for (std::int64_t i = rows.first; i <= rows.last; ++i)
        for (std::int64_t j = columns.first; j <= columns.last; ++j)
          add_where(channels, y_gradient, which, static_cast<std::uint8_t>(3 * i + j),
                    x_gradient + ((rows.begin + i) * shape.width + columns.begin + j) * channels);
      y_gradient += channels;
      which += channels;
    }
}

}  // namespace stockpot
