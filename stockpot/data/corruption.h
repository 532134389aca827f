// Pictures made worse in measured steps: the corruptions of CIFAR-10-C that need nothing but the
// picture (Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions
// and Perturbations", ICLR 2019), with the constants that the authors' program has for 32 x 32
// pictures (hendrycks/robustness, make_cifar_c.py). They act on the decoded picture, before it is
// resized for a model; values are cut off to whole numbers, as there.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stockpot/data/image.h"

namespace stockpot {

enum class CorruptionKind {
  gaussian_noise,  // N(0, c^2) added to every value
  shot_noise,      // Poisson counts of c photons at full brightness
  impulse_noise,   // a share c of the values becomes 0 or 255
  gaussian_blur,   // standard deviation c in pixels, edges repeated
  contrast,        // towards the mean of each channel
  brightness,      // c added to V of HSV
  jpeg,            // encoded with quality c by libjpeg-turbo (4:2:0), as Pillow does
};

struct Corruption {
  CorruptionKind kind = CorruptionKind::gaussian_noise;
  int severity = 1;  // 1 .. 5

  bool operator==(const Corruption&) const = default;
};
inline constexpr int kSeverities = 5;

// "gaussian_noise:3"; the name alone stands for all severities, 1 to 5. Throws UsageError naming
// what there is.
std::vector<Corruption> parse_corruption(const std::string& text);
std::string to_text(const Corruption& corruption);  // "gaussian_noise:3"
std::vector<std::string> corruption_names();

// Noise is a function of `id` (the picture's, as in its data set), kind and severity: it depends
// neither on the other pictures of a set nor on threads, and every run sees the same. Throws
// FormatError naming `id` when the picture is too large for a JPEG.
Image corrupt(const Image& image, const Corruption& corruption, const std::string& id);

// A baseline JPEG file of the image with the tables of libjpeg's `quality` (1 .. 100), accurate
// integer DCT and colour at half the resolution: Pillow's save(..., quality=quality).
std::vector<std::byte> encode_jpeg(const Image& image, int quality);

}  // namespace stockpot
