// What training does to an image: torchvision's RandomResizedCrop, horizontal flip, timm's
// RandAugment, torchvision's ColorJitter and timm's RandomErasing, in this order, on numbers of
// one stream.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "stockpot/data/erasing.h"
#include "stockpot/data/rand_augment.h"
#include "stockpot/data/resize.h"
#include "stockpot/data/transform.h"

namespace stockpot {
namespace {

// Python's int(round(x)): halves go to the even neighbour.
std::int64_t rounded(double x) { return std::llrint(x); }

// The crop when ten draws did not fit: the central one of the nearest allowed ratio.
ImageView central_part(const ImageView& view, const Augmentation& a) {
  const double ratio = static_cast<double>(view.width) / view.height;
  std::int64_t height = view.height, width = view.width;
  if (ratio < a.min_ratio) height = rounded(width / a.min_ratio);
  if (ratio > a.max_ratio) width = rounded(height * a.max_ratio);
  const int h = static_cast<int>(std::clamp<std::int64_t>(height, 1, view.height));
  const int w = static_cast<int>(std::clamp<std::int64_t>(width, 1, view.width));
  return part_of(view, (view.height - h) / 2, (view.width - w) / 2, h, w);
}

// RandomResizedCrop.get_params: the area is uniform, the logarithm of the ratio too.
ImageView random_part(const ImageView& view, const Augmentation& a, RandomStream& random) {
  const double area = static_cast<double>(view.height) * view.width;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double target = area * random.uniform(a.min_scale, a.max_scale);
    const double ratio = std::exp(random.uniform(std::log(a.min_ratio), std::log(a.max_ratio)));
    const std::int64_t width = rounded(std::sqrt(target * ratio));
    const std::int64_t height = rounded(std::sqrt(target / ratio));
    if (width < 1 || height < 1 || width > view.width || height > view.height) continue;
    const std::int64_t top = random.between(0, view.height - height);
    const std::int64_t left = random.between(0, view.width - width);
    return part_of(view, static_cast<int>(top), static_cast<int>(left), static_cast<int>(height),
                   static_cast<int>(width));
  }
  return central_part(view, a);
}

Image crop_and_resize(const Image& image, const Augmentation& a, const Preprocessing& preprocessing,
                      RandomStream& random) {
  // Cropped first: the filter must not see what lies around the crop.
  const ImageView part = random_part(view_of(image), a, random);
  const int height = static_cast<int>(preprocessing.crop_height);
  const int width = static_cast<int>(preprocessing.crop_width);
  const Box whole{0, 0, static_cast<double>(part.width), static_cast<double>(part.height)};
  return resize_region(part, height, width, preprocessing.interpolation, whole,
                       {0, 0, height, width});
}

// ColorJitter: one factor an operation, the four in random order.
Image jitter(Image image, const Augmentation& a, RandomStream& random) {
  struct Operation {
    double strength, low, high;
    Image (*apply)(const Image&, double);
  };
  const auto factor = [](double strength, Image (*apply)(const Image&, double)) {
    return Operation{strength, std::max(0.0, 1 - strength), 1 + strength, apply};
  };
  std::array<Operation, 4> operations{
      factor(a.brightness, adjust_brightness), factor(a.contrast, adjust_contrast),
      factor(a.saturation, adjust_saturation), Operation{a.hue, -a.hue, a.hue, adjust_hue}};
  for (std::size_t i = operations.size() - 1; i > 0; --i)
    std::swap(operations[i], operations[random.below(i + 1)]);
  for (const Operation& operation : operations) {
    const double amount = random.uniform(operation.low, operation.high);
    if (operation.strength > 0) image = operation.apply(image, amount);
  }
  return image;
}

}  // namespace

Image augment(const Image& image, const Augmentation& augmentation,
              const Preprocessing& preprocessing, RandomStream random) {
  Image view = augmentation.crop ? crop_and_resize(image, augmentation, preprocessing, random)
                                 : prepare(image, preprocessing);
  if (augmentation.flip > 0 && random.chance(augmentation.flip)) view = flip_horizontally(view);
  if (augmentation.rand_operations > 0) {
    const Colour fill = mean_colour(preprocessing);
    view = rand_augment(std::move(view), augmentation, fill, random);
  }
  const bool colours = augmentation.brightness > 0 || augmentation.contrast > 0 ||
                       augmentation.saturation > 0 || augmentation.hue > 0;
  if (colours) view = jitter(std::move(view), augmentation, random);
  if (augmentation.erase > 0) erase_randomly(view, augmentation, preprocessing, random);
  return view;
}

}  // namespace stockpot
