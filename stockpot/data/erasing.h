// Random erasing (Zhong et al. 2020) as timm's RandomErasing draws it, on 8-bit pixels.
#pragma once

#include "stockpot/base/random.h"
#include "stockpot/data/transform.h"

namespace stockpot {

// With probability augmentation.erase, fills 1 .. erase_count rectangles (each number as
// likely). A rectangle has 2 % to a third of the area (divided by their number; uniform) and a
// height 0.3 to 1 / 0.3 times its width (uniform in the logarithm); up to ten draws are made
// until one is smaller than the image on both sides. It lies anywhere within the image.
//
// timm erases floats behind the normalisation, by 0 or by N(0, 1). Here that is undone and
// rounded to the nearest value in 0 .. 255:
//   constant  the mean colour, round(255 mean); behind the normalisation at most 1 / (510 std)
//             away from timm's 0
//   colour    one draw of round(255 (mean + std N(0, 1))) a rectangle and channel
//   pixels    the same, for each pixel; with ImageNet's mean and std 3 % of the draws are
//             outside 0 .. 255 and clipped, which timm's are not
void erase_randomly(Image& image, const Augmentation& augmentation,
                    const Preprocessing& preprocessing, RandomStream& random);

}  // namespace stockpot
