// Pillow's ImageEnhance and its HSV conversions, with the same float and double steps. This
// file is compiled without fused multiply-add, which would change results.
#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

#include "stockpot/base/isa.h"
#include "stockpot/data/operations.h"

namespace stockpot {
namespace {

// ITU-R 601-2 luma with 16 fractional bits: Pillow's convert("L").
inline __attribute__((always_inline)) std::uint8_t luma(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >>
                                   16);
}

// Pillow's Image.blend: towards `colour` from `dull`, beyond it for factors above 1.
inline __attribute__((always_inline)) std::uint8_t blend(int dull, int colour, float factor) {
  const float value = static_cast<float>(dull) + factor * static_cast<float>(colour - dull);
  return static_cast<std::uint8_t>(std::clamp(value, 0.0f, 255.0f));
}

// Blends each value with one constant.
Image blend_with(const Image& image, int constant, double factor) {
  std::array<std::uint8_t, 256> table;
  for (int i = 0; i < 256; ++i)
    table[static_cast<std::size_t>(i)] = blend(constant, i, static_cast<float>(factor));
  Image out = image;
  for (std::uint8_t& value : out.rgb) value = table[value];
  return out;
}

STOCKPOT_PER_ISA
void blend_with_luma(std::uint8_t* rgb, std::size_t pixels, float factor) {
  for (std::size_t i = 0; i < pixels; ++i, rgb += 3) {
    const int grey = luma(rgb);
    for (int c = 0; c < 3; ++c) rgb[c] = blend(grey, rgb[c], factor);
  }
}

// Values `begin` .. `end` - 1 of a row, blended with their 3 x 3 neighbourhood in which the
// centre counts five times. Pillow adds thirteenths in float; since no sum of whole values
// over 13 comes near a half, whole numbers round the same.
STOCKPOT_PER_ISA
void sharpen_row(const std::uint8_t* __restrict above, const std::uint8_t* __restrict row,
                 const std::uint8_t* __restrict below, std::size_t begin, std::size_t end,
                 float factor, std::uint8_t* __restrict out) {
  for (std::size_t i = begin; i < end; ++i) {
    const int sum = above[i - 3] + above[i] + above[i + 3] + row[i - 3] + 5 * row[i] + row[i + 3] +
                    below[i - 3] + below[i] + below[i + 3];
    out[i] = blend((sum + 6) / 13, row[i], factor);
  }
}

// Pixels whose hue is shifted together, in planes, so that the loops below become vector code.
constexpr std::size_t kBlock = 64;

template <typename T>
inline __attribute__((always_inline)) T choose(bool condition, T yes, T no) {
  return condition ? yes : no;
}

inline __attribute__((always_inline)) int largest(int a, int b) { return a > b ? a : b; }

// Pillow's RGB -> HSV, hue + turn (mod 256), HSV -> RGB. Which colour is the highest is as
// good as random, so everything is computed and selected instead of branched on.
STOCKPOT_PER_ISA
void shift_hues(int* __restrict red, int* __restrict green, int* __restrict blue, int turn) {
  for (std::size_t i = 0; i < kBlock; ++i) {
    const int r = red[i], g = green[i], b = blue[i];
    const int high = largest(largest(r, g), b);
    const int low = -largest(largest(-r, -g), -b);
    // Grey has the hue 0 and the saturation 0: the 1 only avoids 0 / 0.
    const float range = static_cast<float>(high > low ? high - low : 1);
    const float saturation =
        static_cast<float>(high - low) / static_cast<float>(high > 0 ? high : 1);
    const bool is_red = r == high, is_green = g == high;
    const double offset = choose(is_red, 0.0, choose(is_green, 2.0, 4.0));
    const int plus = choose(is_red, b, choose(is_green, r, g));
    const int minus = choose(is_red, g, choose(is_green, b, r));
    const float above = static_cast<float>(high - plus) / range;
    const float below = static_cast<float>(high - minus) / range;
    // In double and rounded once; with the offset 0 that equals the difference in float.
    const auto sixths = static_cast<float>(offset + above - below);
    const double circle = sixths / 6.0 + 1.0;  // 5/6 .. 11/6: fmod(circle, 1) follows
    const auto hue = static_cast<float>(circle - (circle >= 1.0 ? 1.0 : 0.0));

    const int h = (static_cast<int>(hue * 255.0) + turn) & 255;
    const auto s = static_cast<float>(static_cast<int>(saturation * 255.0) / 255.0);
    const double position = static_cast<float>(h) * 6.0 / 255.0;
    const int sector = static_cast<int>(position);  // 6 for hue 255, which is as 0
    const auto f = static_cast<float>(position - sector);
    // round(), of values in [0, 255]
    const int p = static_cast<int>(high * (1.0 - s) + 0.5);
    const int q = static_cast<int>(high * (1.0 - s * f) + 0.5);
    const int t = static_cast<int>(high * (1.0 - s * (1.0 - f)) + 0.5);
    int out_red = high, out_green = t, out_blue = p;  // sectors 0 and 6
    out_red = choose(sector == 1, q, out_red);
    out_red = choose((sector == 2) | (sector == 3), p, out_red);
    out_red = choose(sector == 4, t, out_red);
    out_green = choose((sector == 1) | (sector == 2), high, out_green);
    out_green = choose(sector == 3, q, out_green);
    out_green = choose((sector == 4) | (sector == 5), p, out_green);
    out_blue = choose(sector == 2, t, out_blue);
    out_blue = choose((sector == 3) | (sector == 4), high, out_blue);
    out_blue = choose(sector == 5, q, out_blue);
    red[i] = out_red;
    green[i] = out_green;
    blue[i] = out_blue;
  }
}

}  // namespace

Image adjust_brightness(const Image& image, double factor) { return blend_with(image, 0, factor); }

Image adjust_contrast(const Image& image, double factor) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) sum += luma(&image.rgb[i]);
  const double pixels = static_cast<double>(image.rgb.size() / 3);
  return blend_with(image, static_cast<int>(static_cast<double>(sum) / pixels + 0.5), factor);
}

Image adjust_saturation(const Image& image, double factor) {
  Image out = image;
  blend_with_luma(out.rgb.data(), out.rgb.size() / 3, static_cast<float>(factor));
  return out;
}

Image adjust_sharpness(const Image& image, double factor) {
  Image out = image;
  if (image.height < 3 || image.width < 3) return out;
  const std::size_t row = static_cast<std::size_t>(image.width) * 3;
  for (std::size_t y = 1; y + 1 < static_cast<std::size_t>(image.height); ++y) {
    const std::uint8_t* in = image.rgb.data() + y * row;
    sharpen_row(in - row, in, in + row, 3, row - 3, static_cast<float>(factor),
                out.rgb.data() + y * row);
  }
  return out;  // the outermost pixels stay, as in Pillow
}

Image adjust_hue(const Image& image, double shift) {
  assert(shift >= -0.5 && shift <= 0.5);
  const int turn = static_cast<int>(shift * 255);
  Image out = image;
  std::array<int, kBlock> red{}, green{}, blue{};
  const std::size_t pixels = out.rgb.size() / 3;
  for (std::size_t begin = 0; begin < pixels; begin += kBlock) {
    std::uint8_t* rgb = out.rgb.data() + begin * 3;
    const std::size_t count = std::min(kBlock, pixels - begin);
    for (std::size_t i = 0; i < count; ++i) {
      red[i] = rgb[3 * i];
      green[i] = rgb[3 * i + 1];
      blue[i] = rgb[3 * i + 2];
    }
    shift_hues(red.data(), green.data(), blue.data(), turn);
    for (std::size_t i = 0; i < count; ++i) {
      rgb[3 * i] = static_cast<std::uint8_t>(red[i]);
      rgb[3 * i + 1] = static_cast<std::uint8_t>(green[i]);
      rgb[3 * i + 2] = static_cast<std::uint8_t>(blue[i]);
    }
  }
  return out;
}

}  // namespace stockpot
