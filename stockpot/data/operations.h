// The pixel operations of RandAugment that transform.h lacks, equal to Pillow's bit for bit
// (tested with 9.4 and 13.0).
#pragma once

#include <array>
#include <cstdint>

#include "stockpot/data/transform.h"

namespace stockpot {

using Colour = std::array<std::uint8_t, 3>;  // red, green, blue

// ImageOps.autocontrast, equalize and invert, each channel by itself.
Image auto_contrast(Image image);
Image equalize(Image image);
Image invert(Image image);

// ImageOps.posterize: keeps the `bits` highest bits of each value. 8 or more keep all; 0 or
// less none, so that the image is black (newer Pillows refuse 0, older ones did this).
Image posterize(Image image, int bits);

// ImageOps.solarize: inverts the values from `threshold` (0 .. 256) on.
Image solarize(Image image, int threshold);

// timm's solarize_add: adds `amount` (0 or more) to the values below 128, up to 255.
Image solarize_add(Image image, int amount);

// ImageEnhance.Sharpness: away from (factor > 1) or towards the image smoothed over 3 x 3.
Image adjust_sharpness(const Image& image, double factor);

// The point (x, y) of the result shows the point (a x + b y + c, d x + e y + f) of the source.
// Coordinates are in pixels; the first pixel's centre is (0.5, 0.5).
struct Affine {
  double a = 1, b = 0, c = 0, d = 0, e = 1, f = 0;
};

// Image.transform(size, AFFINE, ...) to the same size. `interpolation` is nearest, bilinear or
// bicubic (UsageError otherwise). Pixels that show nothing of the source get the colour
// `fill`. Sides are below 16384 pixels, and the map moves no corner further than that.
Image transform_affine(const Image& image, const Affine& map, Interpolation interpolation,
                       const Colour& fill);

// Image.rotate: counter-clockwise around the centre; |degrees| < 90.
Image rotate(const Image& image, double degrees, Interpolation interpolation, const Colour& fill);

}  // namespace stockpot
