// The geometry of evaluation: resize, centre crop, flip.
#include "stockpot/data/transform.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>
#include <vector>

#include "stockpot/data/resize.h"

namespace stockpot {
namespace {

Box whole(const ImageView& view) {
  return {0, 0, static_cast<double>(view.width), static_cast<double>(view.height)};
}

struct Size {
  std::int64_t height = 0, width = 0;
};

// torchvision: the longer side is int(size * long / short), in double precision.
Size resized(const ImageView& view, const Preprocessing& preprocessing) {
  if (preprocessing.resize_exact) return {preprocessing.resize_height, preprocessing.resize_width};
  const std::int64_t edge = preprocessing.resize_height;
  const auto [shorter, longer] = std::minmax(view.height, view.width);
  const auto other = static_cast<std::int64_t>(static_cast<double>(edge * longer) / shorter);
  return view.width <= view.height ? Size{other, edge} : Size{edge, other};
}

// Along one axis: where the crop starts in the picture, how much of the picture it shows and
// how much black comes before that.
struct AxisCrop {
  std::int64_t begin = 0;
  int shown = 0, before = 0;
};

AxisCrop crop_axis(std::int64_t size, std::int64_t crop, bool rounds_down = false) {
  if (crop >= size) return {0, static_cast<int>(size), static_cast<int>((crop - size) / 2)};
  // Python's round(): halves go to the even neighbour.
  const std::int64_t surplus = size - crop, half = surplus / 2;
  const bool down = rounds_down || surplus % 2 == 0;
  return {down ? half : half + half % 2, static_cast<int>(crop), 0};
}

Image padded(Image shown, const AxisCrop& y, const AxisCrop& x, int height, int width) {
  if (shown.height == height && shown.width == width) return shown;
  const auto row = [](int w) { return static_cast<std::size_t>(w) * 3; };
  Image out{height, width, {}};
  out.rgb.resize(static_cast<std::size_t>(height) * row(width));
  for (int i = 0; i < shown.height; ++i)
    std::memcpy(
        out.rgb.data() + static_cast<std::size_t>(y.before + i) * row(width) + row(x.before),
        shown.rgb.data() + static_cast<std::size_t>(i) * row(shown.width), row(shown.width));
  return out;
}

}  // namespace

Image resize(const Image& image, int height, int width, Interpolation interpolation) {
  return resize(image, height, width, interpolation, whole(view_of(image)));
}

Image resize(const Image& image, int height, int width, Interpolation interpolation,
             const Box& box) {
  return resize_region(view_of(image), height, width, interpolation, box, {0, 0, height, width});
}

Image centre_crop(const Image& image, int height, int width) {
  assert(height > 0 && width > 0);
  const AxisCrop y = crop_axis(image.height, height), x = crop_axis(image.width, width);
  const ImageView shown = part_of(view_of(image), static_cast<int>(y.begin),
                                  static_cast<int>(x.begin), y.shown, x.shown);
  return padded(copy_of(shown), y, x, height, width);
}

Image flip_horizontally(const Image& image) {
  Image out{image.height, image.width, std::vector<std::uint8_t>(image.rgb.size())};
  const std::size_t row = static_cast<std::size_t>(image.width) * 3;
  for (std::size_t begin = 0; begin < image.rgb.size(); begin += row)
    for (std::size_t i = 0; i < row; i += 3)
      std::memcpy(&out.rgb[begin + i], &image.rgb[begin + row - 3 - i], 3);
  return out;
}

Image prepare(const Image& image, const Preprocessing& preprocessing) {
  const ImageView view = view_of(image);
  const Size size = resized(view, preprocessing);
  const bool down = preprocessing.crop_rounds_down;
  const AxisCrop y = crop_axis(size.height, preprocessing.crop_height, down);
  const AxisCrop x = crop_axis(size.width, preprocessing.crop_width, down);
  Image shown = resize_region(view, size.height, size.width, preprocessing.interpolation,
                              whole(view), {y.begin, x.begin, y.shown, x.shown});
  return padded(std::move(shown), y, x, static_cast<int>(preprocessing.crop_height),
                static_cast<int>(preprocessing.crop_width));
}

}  // namespace stockpot
