// Geometry and colour of 8-bit images, equal to Pillow's bit for bit.
#pragma once

#include <string>

#include "stockpot/base/random.h"
#include "stockpot/checkpoint/model_folder.h"
#include "stockpot/data/image.h"

namespace stockpot {

// A region of an image in pixels, as Pillow's box: fractions are allowed.
struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;
};

// Pillow's Image.resize((width, height), interpolation, box): separable filter with
// antialiasing, horizontal pass first, 8-bit in between, 22-bit fixed-point weights. Sizes are
// positive; the box is not empty and lies within the image.
Image resize(const Image& image, int height, int width, Interpolation interpolation);
Image resize(const Image& image, int height, int width, Interpolation interpolation,
             const Box& box);

// torchvision's centre crop: pads with black when the image is smaller.
Image centre_crop(const Image& image, int height, int width);
Image flip_horizontally(const Image& image);

// The evaluation transform: resize and centre crop of `preprocessing`, still 8 bit. Equal to
// torchvision's Resize and CenterCrop on Pillow images; computes only what the crop shows.
Image prepare(const Image& image, const Preprocessing& preprocessing);

// Pillow's ImageEnhance.Brightness / Contrast / Color and torchvision's hue shift.
Image adjust_brightness(const Image& image, double factor);
Image adjust_contrast(const Image& image, double factor);
Image adjust_saturation(const Image& image, double factor);
Image adjust_hue(const Image& image, double shift);  // shift in [-0.5, 0.5]

// What training does to an image before the network sees it. Everything off by default.
struct Augmentation {
  bool crop = false;                       // torchvision's RandomResizedCrop
  double min_scale = 0.08, max_scale = 1;  // of the area
  double min_ratio = 3.0 / 4, max_ratio = 4.0 / 3;
  double flip = 0;                                               // probability of a horizontal flip
  double brightness = 0, contrast = 0, saturation = 0, hue = 0;  // torchvision's ColorJitter

  bool any() const;
  bool operator==(const Augmentation&) const = default;
};

// "none", "minimal" (crop 90-100 %, flip), "medium" (crop 35-100 %, flip), "strong" (crop
// 8-100 %, flip, colour jitter 0.4/0.4/0.4/0.1). Throws UsageError naming these.
Augmentation augmentation_preset(const std::string& name);

// One training view of the image, crop_height x crop_width of `preprocessing`: crop, flip,
// colours, in torchvision's order and with its distributions. Its random numbers come from
// `random` alone. Without a crop the geometry is that of prepare().
Image augment(const Image& image, const Augmentation& augmentation,
              const Preprocessing& preprocessing, RandomStream random);

}  // namespace stockpot
