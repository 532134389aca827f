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
// antialiasing, horizontal pass first, 8-bit in between, 22-bit fixed-point weights. Tested with
// 9.4; 13.0 takes the vertical pass first for some tall images, whose bytes then differ by
// rounding. Sizes are positive; the box is not empty and lies within the image.
Image resize(const Image& image, int height, int width, Interpolation interpolation);
Image resize(const Image& image, int height, int width, Interpolation interpolation,
             const Box& box);

// torchvision's centre crop: pads with black when the image is smaller.
Image centre_crop(const Image& image, int height, int width);
Image flip_horizontally(const Image& image);

// The evaluation transform: resize and centre crop of `preprocessing`, still 8 bit. Equal to
// torchvision's Resize and CenterCrop on Pillow images (transformers' where crop_rounds_down);
// computes only what the crop shows.
Image prepare(const Image& image, const Preprocessing& preprocessing);

// Pillow's ImageEnhance.Brightness / Contrast / Color and torchvision's hue shift.
Image adjust_brightness(const Image& image, double factor);
Image adjust_contrast(const Image& image, double factor);
Image adjust_saturation(const Image& image, double factor);
Image adjust_hue(const Image& image, double shift);  // shift in [-0.5, 0.5]

// What random erasing fills a rectangle with; timm's const, rand and pixel.
enum class EraseMode { constant, colour, pixels };

// What training does to an image before the network sees it. Everything off by default.
struct Augmentation {
  bool crop = false;                       // torchvision's RandomResizedCrop
  double min_scale = 0.08, max_scale = 1;  // of the area
  double min_ratio = 3.0 / 4, max_ratio = 4.0 / 3;
  double flip = 0;                                               // probability of a horizontal flip
  double brightness = 0, contrast = 0, saturation = 0, hue = 0;  // torchvision's ColorJitter

  // timm's RandAugment (rand_augment.h says what these mean).
  int rand_operations = 0;        // n; 0: off
  double rand_magnitude = 10;     // m
  double rand_std = 0;            // mstd
  double rand_max = 10;           // mmax
  double rand_probability = 0.5;  // p
  bool rand_increasing = false;   // inc

  // timm's random erasing (erasing.h).
  double erase = 0;  // probability
  EraseMode erase_mode = EraseMode::constant;
  int erase_count = 1;  // rectangles an image: 1 .. erase_count

  bool any() const;
  bool operator==(const Augmentation&) const = default;
};

// "none", "minimal" (crop 90-100 %, flip), "medium" (crop 35-100 %, flip), "strong" (crop
// 8-100 %, flip, colour jitter 0.4/0.4/0.4/0.1), or timm's training transform with
// RandAugment, "rand-m9-n2-mstd0.5-inc1": crop 8-100 %, flip, and what parse_rand_augment()
// reads. Throws UsageError naming these.
Augmentation augmentation_preset(const std::string& name);

// `base` with timm's RandAugment as `text` says: "rand" and then, in any order and each at
// most once, -m<magnitude, whole, 0..100> (10 when left out), -n<operations, 0..100> (2),
// -mstd<standard deviation> (0), -mmax<largest magnitude, whole, 1..20> (10), -inc<0 or 1>
// (0), -p<probability of each operation> (0.5). Nothing else of `base` changes: timm switches
// colour jitter off beside RandAugment unless it is forced, so leave it 0 to follow timm.
// Throws UsageError naming the part that is wrong; timm ignores some of these.
Augmentation parse_rand_augment(const std::string& text, Augmentation base = {});

// One training view of the image, crop_height x crop_width of `preprocessing`, in timm's order
// and with torchvision's and timm's distributions: crop, flip, RandAugment, colour jitter,
// erasing. RandAugment and erasing fill with the mean colour of `preprocessing`. Random
// numbers come from `random` alone. Without a crop the geometry is that of prepare().
Image augment(const Image& image, const Augmentation& augmentation,
              const Preprocessing& preprocessing, RandomStream random);

}  // namespace stockpot
