// Mixup (Zhang et al. 2018) and cutmix (Yun et al. 2019): what one batch of training images
// is mixed with, as timm's Mixup with mode="batch" draws it. Only the plan; the inputs and
// targets are blended where they are floats.
#pragma once

#include <cstdint>

#include "stockpot/base/random.h"

namespace stockpot {

struct MixingOptions {
  double mixup_alpha = 0, cutmix_alpha = 0;  // of Beta(alpha, alpha); 0: off
  double probability = 1;                    // that a batch is mixed at all
  double switch_probability = 0.5;           // of cutmix, when both are on

  bool any() const { return mixup_alpha > 0 || cutmix_alpha > 0; }
  bool operator==(const MixingOptions&) const = default;
};

// Row i of n is mixed with row n - 1 - i. Targets: lambda times the row's own plus 1 - lambda
// times its partner's. Inputs: the same sum for mixup; for cutmix the row's own but for the
// box, which shows the partner's pixels. With lambda == 1 nothing is to be done.
struct Mixing {
  double lambda = 1;
  bool cutmix = false;
  int top = 0, left = 0, height = 0, width = 0;  // the box, within the image; cutmix only

  bool operator==(const Mixing&) const = default;
};

// The mixing of batch `batch` of an epoch, whose images are height x width: a function of its
// arguments alone. Throws UsageError when an alpha is negative or not finite or a probability
// outside [0, 1].
Mixing plan_mixing(const MixingOptions& options, std::uint64_t seed, std::int64_t epoch,
                   std::int64_t batch, int height, int width);

// The cutmix box around pixel (row, column) with the sides sqrt(1 - lambda) of the image,
// clipped to it; the result's lambda is the part of the area outside the clipped box.
Mixing cutmix_box(double lambda, int row, int column, int height, int width);

// A draw from Beta(alpha, alpha), alpha > 0, exact but for rounding; always two uniform
// numbers of `random`. If T is Student's t with 2 alpha degrees of freedom, then
// (1 + T / sqrt(2 alpha + T^2)) / 2 is Beta(alpha, alpha); and Bailey's polar method (1994)
// draws T = sqrt(2 alpha (U^(-1/alpha) - 1)) cos(2 pi V).
double symmetric_beta(double alpha, RandomStream& random);

}  // namespace stockpot
