// RandAugment (Cubuk et al. 2020) as timm 1.0 does it: n of fifteen operations, with
// replacement, each done with probability 0.5.
#pragma once

#include "stockpot/base/random.h"
#include "stockpot/data/operations.h"

namespace stockpot {

enum class Operation {
  auto_contrast,
  equalize,
  invert,
  rotate,
  posterize,
  solarize,
  solarize_add,
  color,
  contrast,
  brightness,
  sharpness,
  shear_x,
  shear_y,
  translate_x,
  translate_y,
};
inline constexpr int kOperations = 15;

// What an operation is told at a magnitude: timm's level_to_arg. Degrees of rotate, bits of
// posterize, the threshold of solarize, the amount of solarize_add, the factor of color to
// sharpness, the slope of a shear, the part of the side that a translation moves by, and 0 for
// the others. `increasing` are timm's variants (inc1) of posterize, solarize and color to
// sharpness, stronger with a higher magnitude; without it magnitude 0 makes posterize and
// solarize strongest and a factor 0.1. `negative` is the coin that chooses the direction.
double operation_argument(Operation operation, double magnitude, bool increasing, bool negative);

// The operation with that argument, equal to timm's on Pillow images. The last two are for
// those that move pixels: rotate, shears and translations.
Image apply_operation(Image image, Operation operation, double argument,
                      Interpolation interpolation, const Colour& fill);

// The `rand_...` fields of an Augmentation at work: rand_operations times an operation is
// drawn, done with probability rand_probability, and its magnitude drawn: rand_magnitude (0 or
// more) itself, or with rand_std > 0 from N(rand_magnitude, rand_std), or with rand_std > 100
// uniformly from 0 .. rand_magnitude; then clipped to 0 .. rand_max. So a magnitude above 10
// acts as 10 unless rand_max is raised: timm does that, too. Moved pixels are interpolated
// bilinearly or bicubically, one as likely as the other (timm's "random"). Magnitude 0 is not
// without effect; 0 operations are.
Image rand_augment(Image image, const Augmentation& augmentation, const Colour& fill,
                   RandomStream& random);

// The network's mean as a pixel: round(255 mean), 0 .. 255.
Colour mean_colour(const Preprocessing& preprocessing);

}  // namespace stockpot
