#include "stockpot/data/rand_augment.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace stockpot {
namespace {

constexpr double kFullMagnitude = 10;  // timm's _LEVEL_DENOM
constexpr double kUniformStd = 100;    // a larger standard deviation stands for "uniform"

double draw_magnitude(const Augmentation& a, RandomStream& random) {
  double magnitude = a.rand_magnitude;
  if (a.rand_std > kUniformStd)
    magnitude = random.uniform(0, magnitude);
  else if (a.rand_std > 0)
    magnitude += a.rand_std * random.normal();
  return std::clamp(magnitude, 0.0, a.rand_max);
}

}  // namespace

double operation_argument(Operation operation, double magnitude, bool increasing, bool negative) {
  const double amount = magnitude / kFullMagnitude;
  const auto either_way = [&](double value) { return negative ? -value : value; };
  switch (operation) {
    case Operation::auto_contrast:
    case Operation::equalize:
    case Operation::invert:
      return 0;
    case Operation::rotate:
      return either_way(amount * 30);
    case Operation::posterize: {
      const int bits = static_cast<int>(amount * 4);
      return increasing ? 4 - bits : bits;
    }
    case Operation::solarize: {
      const int threshold = std::min(256, static_cast<int>(amount * 256));
      return increasing ? 256 - threshold : threshold;
    }
    case Operation::solarize_add:
      return std::min(128, static_cast<int>(amount * 110));
    case Operation::color:
    case Operation::contrast:
    case Operation::brightness:
    case Operation::sharpness:
      return increasing ? std::max(0.1, 1 + either_way(amount * 0.9)) : amount * 1.8 + 0.1;
    case Operation::shear_x:
    case Operation::shear_y:
      return either_way(amount * 0.3);
    case Operation::translate_x:
    case Operation::translate_y:
      return either_way(amount * 0.45);
  }
  return 0;
}

Image apply_operation(Image image, Operation operation, double argument,
                      Interpolation interpolation, const Colour& fill) {
  const auto moved = [&](const Affine& map) {
    return transform_affine(image, map, interpolation, fill);
  };
  const int whole = static_cast<int>(argument);
  switch (operation) {
    case Operation::auto_contrast:
      return auto_contrast(std::move(image));
    case Operation::equalize:
      return equalize(std::move(image));
    case Operation::invert:
      return invert(std::move(image));
    case Operation::rotate:
      return rotate(image, argument, interpolation, fill);
    case Operation::posterize:
      return posterize(std::move(image), whole);
    case Operation::solarize:
      return solarize(std::move(image), whole);
    case Operation::solarize_add:
      return solarize_add(std::move(image), whole);
    case Operation::color:
      return adjust_saturation(image, argument);
    case Operation::contrast:
      return adjust_contrast(image, argument);
    case Operation::brightness:
      return adjust_brightness(image, argument);
    case Operation::sharpness:
      return adjust_sharpness(image, argument);
    case Operation::shear_x:
      return moved({.b = argument});
    case Operation::shear_y:
      return moved({.d = argument});
    case Operation::translate_x:
      return moved({.c = argument * image.width});
    case Operation::translate_y:
      return moved({.f = argument * image.height});
  }
  return image;
}

Image rand_augment(Image image, const Augmentation& augmentation, const Colour& fill,
                   RandomStream& random) {
  for (int i = 0; i < augmentation.rand_operations; ++i) {
    // Drawn for every operation, needed or not: the same numbers then mean the same things.
    const auto operation = static_cast<Operation>(random.below(kOperations));
    const bool done = random.chance(augmentation.rand_probability);
    const double magnitude = draw_magnitude(augmentation, random);
    const bool negative = random.chance(0.5), smooth = random.chance(0.5);
    if (!done) continue;
    const double argument =
        operation_argument(operation, magnitude, augmentation.rand_increasing, negative);
    image = apply_operation(std::move(image), operation, argument,
                            smooth ? Interpolation::bicubic : Interpolation::bilinear, fill);
  }
  return image;
}

Colour mean_colour(const Preprocessing& preprocessing) {
  Colour colour{};
  for (std::size_t c = 0; c < colour.size(); ++c)
    colour[c] = static_cast<std::uint8_t>(
        std::clamp<long>(std::lrint(255.0 * preprocessing.mean[c]), 0, 255));
  return colour;
}

}  // namespace stockpot
