#include "stockpot/data/resize_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "stockpot/base/isa.h"

namespace stockpot {
namespace {

// Weights have 22 fractional bits: 32 bits hold 8 bits of value and a sum of weights that
// passes 1 and goes below 0. Sums are of integers, so their order does not matter.
constexpr int kFractionBits = 22;
constexpr std::int32_t kHalf = 1 << (kFractionBits - 1);

struct Filter {
  double (*weight)(double distance);
  double support;  // half the width, in pixels of the coarser side
};

double box(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

double triangle(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

double hamming(double x) {
  x = std::abs(x);
  if (x == 0.0) return 1.0;
  if (x >= 1.0) return 0.0;
  x *= std::numbers::pi;
  // Float constants, as in Pillow: their last digits reach the fixed-point weights.
  return std::sin(x) / x * (0.54f + 0.46f * std::cos(x));
}

// Keys (1981), a = -0.5.
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos(double x) { return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

constexpr Filter filter_of(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::bilinear:
      return {triangle, 1.0};
    case Interpolation::bicubic:
      return {cubic, 2.0};
    case Interpolation::lanczos:
      return {lanczos, 3.0};
    case Interpolation::hamming:
      return {hamming, 1.0};
    case Interpolation::box:
    case Interpolation::nearest:
      break;
  }
  return {box, 0.5};
}

std::int32_t fixed_point(double weight) {
  return static_cast<std::int32_t>((weight < 0 ? -0.5 : 0.5) + weight * (1 << kFractionBits));
}

// Lines filtered together. Their pixels stand side by side, each as four bytes, so that one
// weight meets kRows * 4 values in neighbouring places.
constexpr std::size_t kRows = 8;
constexpr std::size_t kGroup = kRows * 4;

// Source pixels that are put side by side at a time: with kGroup bytes each they fit the cache.
constexpr int kSpan = 1024;

STOCKPOT_PER_ISA
void filter_group(const std::uint8_t* group, const std::int32_t* weights, int count,
                  std::uint8_t* out) {
  std::int32_t sums[kGroup];
  for (std::size_t i = 0; i < kGroup; ++i) sums[i] = kHalf;
  for (int t = 0; t < count; ++t, group += kGroup)
    for (std::size_t i = 0; i < kGroup; ++i) sums[i] += group[i] * weights[t];
  for (std::size_t i = 0; i < kGroup; ++i) {
    const std::int32_t value = sums[i] >> kFractionBits;
    out[i] = static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
  }
}

// Bytes whose sums are kept in registers.
constexpr std::size_t kBlock = 64;

STOCKPOT_PER_ISA
void resample_column_line(const std::uint8_t* in, std::ptrdiff_t stride, std::size_t bytes,
                          const std::int32_t* weights, int count, std::uint8_t* out) {
  std::size_t begin = 0;
  for (; begin + kBlock <= bytes; begin += kBlock) {
    std::int32_t sums[kBlock];
    for (std::size_t i = 0; i < kBlock; ++i) sums[i] = kHalf;
    const std::uint8_t* line = in + begin;
    for (int t = 0; t < count; ++t, line += stride)
      for (std::size_t i = 0; i < kBlock; ++i) sums[i] += line[i] * weights[t];
    for (std::size_t i = 0; i < kBlock; ++i) {
      const std::int32_t value = sums[i] >> kFractionBits;
      out[begin + i] = static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
    }
  }
  for (; begin < bytes; ++begin) {
    std::int32_t sum = kHalf;
    const std::uint8_t* line = in + begin;
    for (int t = 0; t < count; ++t, line += stride) sum += *line * weights[t];
    const std::int32_t value = sum >> kFractionBits;
    out[begin] = static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
  }
}

// Pixel x of line r goes to group[x * kGroup + r * 4]; the fourth bytes are of no meaning.
void side_by_side(const std::uint8_t* in, std::ptrdiff_t stride, int lines, int pixels,
                  std::vector<std::uint8_t>& group) {
  group.resize(static_cast<std::size_t>(pixels) * kGroup);
  for (int r = 0; r < lines; ++r) {
    const std::uint8_t* line = in + r * stride;
    std::uint8_t* target = group.data() + r * 4;
    // Four bytes at once, but not past the last pixel.
    for (int x = 0; x + 1 < pixels; ++x, line += 3, target += kGroup) std::memcpy(target, line, 4);
    std::memcpy(target, line, 3);
  }
}

}  // namespace

AxisWeights axis_weights(Interpolation interpolation, int source, float low, float high,
                         std::int64_t size, std::int64_t begin, int count) {
  const Filter filter = filter_of(interpolation);
  // Pillow's boxes are floats, subtracted as floats.
  const double scale = static_cast<double>(high - low) / static_cast<double>(size);
  const double stretch = std::max(scale, 1.0);  // shrinking widens the filter (antialiasing)
  const double support = filter.support * stretch;
  const double shrink = 1.0 / stretch;
  AxisWeights axis;
  std::vector<double> weights;
  for (std::int64_t i = begin; i < begin + count; ++i) {
    const double centre = low + (static_cast<double>(i) + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(centre - support + 0.5));
    const int end = std::min(source, static_cast<int>(centre + support + 0.5));
    weights.clear();
    double sum = 0;
    for (int x = first; x < end; ++x) {
      weights.push_back(filter.weight((x - centre + 0.5) * shrink));
      sum += weights.back();
    }
    axis.first.push_back(first);
    axis.count.push_back(std::max(0, end - first));
    axis.offset.push_back(axis.weights.size());
    for (const double weight : weights)
      axis.weights.push_back(fixed_point(sum != 0 ? weight / sum : weight));
  }
  return axis;
}

void resample_rows(const std::uint8_t* in, std::ptrdiff_t stride, int rows, const AxisWeights& axis,
                   std::uint8_t* out) {
  const std::size_t width = axis.first.size();
  std::vector<std::uint8_t> group;
  for (std::size_t begin = 0, end; begin < width; begin = end) {
    // As many results as a span of the source gives, at least one.
    const int first = axis.first[begin];
    int last = first + axis.count[begin];
    for (end = begin + 1; end < width; ++end) {
      const int needed = std::max(last, axis.first[end] + axis.count[end]);
      if (needed - first > kSpan) break;
      last = needed;
    }
    for (int y = 0; y < rows; y += static_cast<int>(kRows)) {
      const int lines = std::min(static_cast<int>(kRows), rows - y);
      side_by_side(in + y * stride + std::ptrdiff_t{first} * 3, stride, lines, last - first, group);
      for (std::size_t x = begin; x < end; ++x) {
        std::uint8_t result[kGroup];
        filter_group(group.data() + static_cast<std::size_t>(axis.first[x] - first) * kGroup,
                     axis.weights.data() + axis.offset[x], axis.count[x], result);
        std::uint8_t* target = out + (static_cast<std::size_t>(y) * width + x) * 3;
        for (int r = 0; r < lines; ++r)
          std::memcpy(target + static_cast<std::size_t>(r) * width * 3, result + r * 4, 3);
      }
    }
  }
}

void resample_columns(const std::uint8_t* in, std::ptrdiff_t stride, std::size_t bytes,
                      const AxisWeights& axis, std::uint8_t* out) {
  for (std::size_t y = 0; y < axis.first.size(); ++y)
    resample_column_line(in + axis.first[y] * stride, stride, bytes,
                         axis.weights.data() + axis.offset[y], axis.count[y], out + y * bytes);
}

}  // namespace stockpot
