// Pillow's Image.transform(AFFINE) and Image.rotate, with the same steps in double precision.
// This file is compiled without fused multiply-add, which would change results.
#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numbers>
#include <vector>

#include "stockpot/base/error.h"
#include "stockpot/base/isa.h"
#include "stockpot/data/operations.h"

namespace stockpot {
namespace {

// The three channels of a pixel and one of padding, computed side by side.
using Pixel = double __attribute__((vector_size(32)));
using Ints = std::int32_t __attribute__((vector_size(16)));

#define STOCKPOT_INLINE inline __attribute__((always_inline))

// The source as doubles with its border repeated, so that a filter may look two pixels beyond
// every side without asking where it is, and converts no pixel sixteen times. Pillow clips
// positions instead: the values are the same.
struct Padded {
  static constexpr int kMargin = 2;

  explicit Padded(const Image& image)
      : stride(4 * (static_cast<std::ptrdiff_t>(image.width) + 2 * kMargin)),
        values(static_cast<std::size_t>(stride) *
               (static_cast<std::size_t>(image.height) + 2 * kMargin)) {
    double* out = values.data();
    for (int y = -kMargin; y < image.height + kMargin; ++y) {
      const std::size_t row = static_cast<std::size_t>(std::clamp(y, 0, image.height - 1));
      const std::uint8_t* in = image.rgb.data() + row * static_cast<std::size_t>(image.width) * 3;
      for (int x = -kMargin; x < image.width + kMargin; ++x, out += 4) {
        const std::uint8_t* rgb = in + 3 * std::clamp(x, 0, image.width - 1);
        for (int c = 0; c < 3; ++c) out[c] = rgb[c];
      }
    }
  }

  const double* first_pixel() const { return values.data() + kMargin * (stride + 4); }

  std::ptrdiff_t stride;
  std::vector<double> values;  // four a pixel
};

STOCKPOT_INLINE void load(const double* from, Pixel& pixel) {
  std::memcpy(&pixel, from, sizeof pixel);
}

// floor() of a value not below -1.
STOCKPOT_INLINE int whole_part(double value) { return value < 0 ? -1 : static_cast<int>(value); }

STOCKPOT_INLINE void linear(const Pixel& left, const Pixel& right, double d, Pixel& out) {
  out = left + (right - left) * d;
}

// The cubic through four pixels, between the inner two.
STOCKPOT_INLINE void cubic(const Pixel& v1, const Pixel& v2, const Pixel& v3, const Pixel& v4,
                           double d, Pixel& out) {
  const Pixel p3 = 2 * (v1 - v2) + v3 - v4, p4 = -v1 + v2 - v3 + v4;
  out = v2 + d * (-v1 + v3 + d * (p3 + d * p4));
}

// Towards zero, then clipped to 0 .. 255.
STOCKPOT_INLINE void store(const Pixel& value, std::uint8_t* rgb) {
  const Ints whole = __builtin_convertvector(value, Ints);
  const Ints positive = whole & ~(whole >> 31);
  const Ints clipped = positive | ((255 - positive) >> 31);
  for (int c = 0; c < 3; ++c) rgb[c] = static_cast<std::uint8_t>(clipped[c]);
}

// Where a row of results lies in the source.
struct Positions {
  const double *x, *y;
  int count, width, height;

  STOCKPOT_INLINE bool inside(int i) const {
    return x[i] >= 0 && x[i] < width && y[i] >= 0 && y[i] < height;
  }
};

STOCKPOT_PER_ISA
void bilinear_row(const double* source, std::ptrdiff_t stride, const Positions& at,
                  std::uint8_t* rgb) {
  for (int i = 0; i < at.count; ++i) {
    if (!at.inside(i)) continue;
    const double x = at.x[i] - 0.5, y = at.y[i] - 0.5;
    const int column = whole_part(x), row = whole_part(y);
    const double* pixels = source + row * stride + 4 * column;
    Pixel v[2], value;
    for (int k = 0; k < 2; ++k, pixels += stride) {
      Pixel left, right;
      load(pixels, left);
      load(pixels + 4, right);
      linear(left, right, x - column, v[k]);
    }
    linear(v[0], v[1], y - row, value);
    store(value, rgb + 3 * i);
  }
}

STOCKPOT_PER_ISA
void bicubic_row(const double* source, std::ptrdiff_t stride, const Positions& at,
                 std::uint8_t* rgb) {
  for (int i = 0; i < at.count; ++i) {
    if (!at.inside(i)) continue;
    const double x = at.x[i] - 0.5, y = at.y[i] - 0.5;
    const int column = whole_part(x), row = whole_part(y);
    const double* pixels = source + (row - 1) * stride + 4 * (column - 1);
    Pixel v[4], value;
    for (int k = 0; k < 4; ++k, pixels += stride) {
      Pixel taps[4];
      for (int t = 0; t < 4; ++t) load(pixels + 4 * t, taps[t]);
      cubic(taps[0], taps[1], taps[2], taps[3], x - column, v[k]);
    }
    cubic(v[0], v[1], v[2], v[3], y - row, value);
    store(value, rgb + 3 * i);
  }
}

Image filled(int height, int width, const Colour& fill) {
  Image image{height, width, {}};
  image.rgb.resize(static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * 3);
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) std::memcpy(&image.rgb[i], fill.data(), 3);
  return image;
}

Image interpolated(const Image& image, const Affine& map, bool is_bicubic, const Colour& fill) {
  Image out = filled(image.height, image.width, fill);
  const Padded source(image);
  const auto width = static_cast<std::size_t>(image.width);
  std::vector<double> xs(width), ys(width);
  const Positions at{xs.data(), ys.data(), image.width, image.width, image.height};
  for (int row = 0; row < image.height; ++row) {
    const double y = row + 0.5;
    for (std::size_t i = 0; i < width; ++i) {
      const double x = static_cast<double>(i) + 0.5;
      xs[i] = map.a * x + map.b * y + map.c;
      ys[i] = map.d * x + map.e * y + map.f;
    }
    (is_bicubic ? bicubic_row : bilinear_row)(
        source.first_pixel(), source.stride, at,
        out.rgb.data() + static_cast<std::size_t>(row) * width * 3);
  }
  return out;
}

// The pixel that a coordinate lies in; -1 is outside.
int pixel_at(double coordinate) { return coordinate < 0 ? -1 : static_cast<int>(coordinate); }

// Nearest has two ways in Pillow. Without shear and rotation it adds steps up in double ...
void step_positions(const Image& image, const Affine& map, std::vector<int>& columns,
                    std::vector<int>& rows) {
  double x = map.c + map.a * 0.5, y = map.f + map.e * 0.5;
  for (int i = 0; i < image.width; ++i, x += map.a) columns.push_back(pixel_at(x));
  for (int i = 0; i < image.height; ++i, y += map.e) rows.push_back(pixel_at(y));
}

void copy_pixel(const Image& from, int row, int column, Image& to, int to_row, int to_column) {
  if (row < 0 || row >= from.height || column < 0 || column >= from.width) return;
  const auto offset = [&](int r, int c) {
    return 3 * (static_cast<std::size_t>(r) * static_cast<std::size_t>(from.width) +
                static_cast<std::size_t>(c));
  };
  std::memcpy(&to.rgb[offset(to_row, to_column)], &from.rgb[offset(row, column)], 3);
}

// ... and otherwise in whole 65536ths of a pixel.
int fixed_point(double value) { return static_cast<int>(std::floor(value * 65536.0 + 0.5)); }

Image nearest_pixels(const Image& image, const Affine& map, const Colour& fill) {
  Image out = filled(image.height, image.width, fill);
  if (map.b == 0 && map.d == 0) {
    std::vector<int> columns, rows;
    step_positions(image, map, columns, rows);
    for (int y = 0; y < image.height; ++y)
      for (int x = 0; x < image.width; ++x)
        copy_pixel(image, rows[static_cast<std::size_t>(y)], columns[static_cast<std::size_t>(x)],
                   out, y, x);
    return out;
  }
  const int a = fixed_point(map.a), b = fixed_point(map.b);
  const int d = fixed_point(map.d), e = fixed_point(map.e);
  const int c = fixed_point(map.c + map.a * 0.5 + map.b * 0.5);
  const int f = fixed_point(map.f + map.d * 0.5 + map.e * 0.5);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      copy_pixel(image, (f + e * y + d * x) >> 16, (c + b * y + a * x) >> 16, out, y, x);
  return out;
}

// Python's round(value, 15) of |value| <= 1: the nearest decimal, exactly.
double rounded_to_15_decimals(double value) {
  std::array<char, 32> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, 15);
  double result = 0;
  std::from_chars(text.data(), end.ptr, result);
  return result;
}

}  // namespace

Image transform_affine(const Image& image, const Affine& map, Interpolation interpolation,
                       const Colour& fill) {
  assert(image.height > 0 && image.height < 16384 && image.width > 0 && image.width < 16384);
  switch (interpolation) {
    case Interpolation::nearest:
      return nearest_pixels(image, map, fill);
    case Interpolation::bilinear:
      return interpolated(image, map, false, fill);
    case Interpolation::bicubic:
      return interpolated(image, map, true, fill);
    default:
      throw UsageError("affine maps interpolate nearest, bilinear or bicubic");
  }
}

Image rotate(const Image& image, double degrees, Interpolation interpolation, const Colour& fill) {
  assert(degrees > -90 && degrees < 90);
  if (degrees == 0) return image;
  // Python's degrees % 360, whose rounding shows in the matrix.
  const double turn = degrees < 0 ? degrees + 360.0 : degrees;
  const double angle = -(turn * (std::numbers::pi / 180));
  const double cosine = rounded_to_15_decimals(std::cos(angle));
  const double sine = rounded_to_15_decimals(std::sin(angle));
  const double x = image.width / 2.0, y = image.height / 2.0;
  Affine map{cosine, sine, 0, -sine, cosine, 0};
  map.c = map.a * -x + map.b * -y + x;
  map.f = map.d * -x + map.e * -y + y;
  return transform_affine(image, map, interpolation, fill);
}

}  // namespace stockpot
