#include "stockpot/data/erasing.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <optional>

#include "stockpot/data/rand_augment.h"
#include "stockpot/data/resize.h"

namespace stockpot {
namespace {

// timm's defaults, which its training script does not change.
constexpr double kMinArea = 0.02, kMaxArea = 1.0 / 3;
constexpr double kMinRatio = 0.3;

std::optional<Region> draw_region(const Image& image, std::int64_t count, RandomStream& random) {
  const double area = static_cast<double>(image.height) * image.width;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double target = random.uniform(kMinArea, kMaxArea) * area / static_cast<double>(count);
    const double limit = std::log(kMinRatio);
    const double ratio = std::exp(random.uniform(limit, -limit));
    const auto height = static_cast<int>(std::lrint(std::sqrt(target * ratio)));
    const auto width = static_cast<int>(std::lrint(std::sqrt(target / ratio)));
    if (width >= image.width || height >= image.height) continue;
    const std::int64_t top = random.between(0, image.height - height);
    return Region{top, random.between(0, image.width - width), height, width};
  }
  return std::nullopt;
}

Colour draw_colour(const Preprocessing& preprocessing, RandomStream& random) {
  Colour colour{};
  for (std::size_t c = 0; c < colour.size(); ++c) {
    const double value = preprocessing.mean[c] + preprocessing.std[c] * random.normal();
    colour[c] = static_cast<std::uint8_t>(std::lrint(std::clamp(255 * value, 0.0, 255.0)));
  }
  return colour;
}

void fill(Image& image, const Region& region, const Augmentation& augmentation,
          const Preprocessing& preprocessing, RandomStream& random) {
  Colour colour = augmentation.erase_mode == EraseMode::colour ? draw_colour(preprocessing, random)
                                                               : mean_colour(preprocessing);
  for (std::int64_t y = region.top; y < region.top + region.height; ++y) {
    std::uint8_t* rgb = image.rgb.data() + 3 * (y * image.width + region.left);
    for (int x = 0; x < region.width; ++x, rgb += 3) {
      if (augmentation.erase_mode == EraseMode::pixels) colour = draw_colour(preprocessing, random);
      std::memcpy(rgb, colour.data(), colour.size());
    }
  }
}

}  // namespace

void erase_randomly(Image& image, const Augmentation& augmentation,
                    const Preprocessing& preprocessing, RandomStream& random) {
  if (!random.chance(augmentation.erase)) return;
  const std::int64_t count = random.between(1, std::max(1, augmentation.erase_count));
  for (std::int64_t i = 0; i < count; ++i) {
    if (const std::optional<Region> region = draw_region(image, count, random))
      fill(image, *region, augmentation, preprocessing, random);
  }
}

}  // namespace stockpot
