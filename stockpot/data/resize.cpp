#include "stockpot/data/resize.h"

#include <array>
#include <cassert>
#include <cstring>
#include <vector>

#include "stockpot/data/resize_kernels.h"

namespace stockpot {
namespace {

Image black(int height, int width) {
  Image image{height, width, {}};
  image.rgb.resize(static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * 3);
  return image;
}

std::size_t row_bytes(int width) { return static_cast<std::size_t>(width) * 3; }

// Pillow finds the source of a pixel by repeated addition, whose rounding errors can reach
// past the end: those pixels stay black. Beyond this many it could not hold the picture.
constexpr std::int64_t kLongestSum = 1 << 26;

// The source coordinates of nearest; -1 is outside.
std::vector<int> nearest_sources(int source, float low, float high, std::int64_t size,
                                 std::int64_t begin, int count) {
  const double step = static_cast<double>(high - low) / static_cast<double>(size);
  double position = low + step * 0.5;
  if (begin > kLongestSum) position += step * static_cast<double>(begin);
  for (std::int64_t i = 0; i < begin && begin <= kLongestSum; ++i) position += step;
  std::vector<int> sources;
  for (int i = 0; i < count; ++i, position += step)
    sources.push_back(position >= 0 && position < source ? static_cast<int>(position) : -1);
  return sources;
}

Image nearest_region(const ImageView& view, std::int64_t height, std::int64_t width,
                     const std::array<float, 4>& box, const Region& region) {
  const std::vector<int> columns =
      nearest_sources(view.width, box[0], box[2], width, region.left, region.width);
  const std::vector<int> rows =
      nearest_sources(view.height, box[1], box[3], height, region.top, region.height);
  Image out = black(region.height, region.width);
  std::uint8_t* pixel = out.rgb.data();
  for (const int row : rows)
    for (const int column : columns) {
      if (row >= 0 && column >= 0)
        std::memcpy(pixel, view.rgb + row * view.stride + std::ptrdiff_t{column} * 3, 3);
      pixel += 3;
    }
  return out;
}

struct RowRange {
  int first = 0, count = 0;
};

// The source rows that a vertical pass reads.
RowRange rows_of(const AxisWeights& vertical) {
  const int first = vertical.first.front();
  return {first, vertical.first.back() + vertical.count.back() - first};
}

}  // namespace

ImageView view_of(const Image& image) {
  assert(image.height > 0 && image.width > 0);
  assert(image.rgb.size() == static_cast<std::size_t>(image.height) * row_bytes(image.width));
  return {image.rgb.data(), static_cast<std::ptrdiff_t>(row_bytes(image.width)), image.height,
          image.width};
}

ImageView part_of(const ImageView& view, int top, int left, int height, int width) {
  assert(top >= 0 && left >= 0 && height > 0 && width > 0);
  assert(top <= view.height - height && left <= view.width - width);
  return {view.rgb + top * view.stride + std::ptrdiff_t{left} * 3, view.stride, height, width};
}

Image copy_of(const ImageView& view) {
  Image out = black(view.height, view.width);
  for (int y = 0; y < view.height; ++y)
    std::memcpy(out.rgb.data() + static_cast<std::size_t>(y) * row_bytes(view.width),
                view.rgb + y * view.stride, row_bytes(view.width));
  return out;
}

Image resize_region(const ImageView& view, std::int64_t height, std::int64_t width,
                    Interpolation interpolation, const Box& box, const Region& region) {
  assert(height > 0 && width > 0 && region.height > 0 && region.width > 0);
  assert(region.top >= 0 && region.left >= 0);
  assert(region.top + region.height <= height && region.left + region.width <= width);
  assert(box.left >= 0 && box.top >= 0 && box.right <= view.width && box.bottom <= view.height);
  assert(box.left < box.right && box.top < box.bottom);
  const std::array<float, 4> f{static_cast<float>(box.left), static_cast<float>(box.top),
                               static_cast<float>(box.right), static_cast<float>(box.bottom)};
  if (interpolation == Interpolation::nearest)
    return nearest_region(view, height, width, f, region);

  // Like Pillow, a pass that would change nothing is left out.
  const bool along_x = width != view.width || f[0] != 0 || f[2] != static_cast<float>(width);
  const bool along_y = height != view.height || f[1] != 0 || f[3] != static_cast<float>(height);
  RowRange rows{static_cast<int>(region.top), region.height};
  AxisWeights vertical;
  if (along_y) {
    vertical =
        axis_weights(interpolation, view.height, f[1], f[3], height, region.top, region.height);
    rows = rows_of(vertical);
    for (int& first : vertical.first) first -= rows.first;
  }
  Image narrow;
  ImageView source;
  if (along_x) {
    narrow = black(rows.count, region.width);
    resample_rows(
        view.rgb + rows.first * view.stride, view.stride, rows.count,
        axis_weights(interpolation, view.width, f[0], f[2], width, region.left, region.width),
        narrow.rgb.data());
    if (!along_y) return narrow;
    source = view_of(narrow);
  } else {
    source = part_of(view, rows.first, static_cast<int>(region.left), rows.count, region.width);
    if (!along_y) return copy_of(source);
  }
  Image out = black(region.height, region.width);
  resample_columns(source.rgb, source.stride, row_bytes(region.width), vertical, out.rgb.data());
  return out;
}

}  // namespace stockpot
