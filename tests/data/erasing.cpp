#include "stockpot/data/erasing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "stockpot/data/rand_augment.h"
#include "tests/data/picture.h"

namespace stockpot {
namespace {

constexpr int kSide = 64;

RandomStream stream(std::uint64_t sample) { return {2, Purpose::augment, 0, sample}; }

Image white() { return {kSide, kSide, std::vector<std::uint8_t>(kSide * kSide * 3, 255)}; }

Image erased(const Augmentation& augmentation, std::uint64_t sample) {
  Image image = white();
  RandomStream random = stream(sample);
  erase_randomly(image, augmentation, {}, random);
  return image;
}

struct Rectangle {
  int top = kSide, left = kSide, bottom = 0, right = 0, pixels = 0;
};

Rectangle bounds(const Image& image) {
  Rectangle r;
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      if (image.rgb[static_cast<std::size_t>(3 * (y * image.width + x))] == 255) continue;
      r.top = std::min(r.top, y), r.bottom = std::max(r.bottom, y + 1);
      r.left = std::min(r.left, x), r.right = std::max(r.right, x + 1);
      ++r.pixels;
    }
  return r;
}

double share_up_to(const std::vector<double>& values, double limit) {
  const auto below = std::count_if(values.begin(), values.end(),
                                   [&](double value) { return value <= limit + 1e-12; });
  return static_cast<double>(below) / static_cast<double>(values.size());
}

TEST(Erasing, HasTheAreasRatiosAndPlacesOfTimm) {
  std::map<std::string, std::vector<double>> values;
  constexpr int kDraws = 6000;
  for (std::uint64_t sample = 0; sample < kDraws; ++sample) {
    const Rectangle r = bounds(erased({.erase = 1}, sample));
    const int height = r.bottom - r.top, width = r.right - r.left;
    ASSERT_EQ(r.pixels, height * width);
    values["area"].push_back(r.pixels / 4096.0);
    values["ratio"].push_back(static_cast<double>(height) / width);
    values["top"].push_back(static_cast<double>(r.top) / (kSide - height));
  }
  for (const auto& row : test::fixture_rows("erasing.tsv"))
    // Four standard deviations, and steps of whole pixels at the quantile.
    EXPECT_NEAR(share_up_to(values.at(row.at(0)), std::stod(row.at(2))), std::stod(row.at(1)),
                4 * 0.0065 + 0.02)
        << join(row, " ");
}

TEST(Erasing, HappensAsOftenAsAsked) {
  int changed = 0;
  for (std::uint64_t sample = 0; sample < 1000; ++sample)
    changed += erased({.erase = 0.25}, sample).rgb != white().rgb;
  EXPECT_NEAR(changed, 250, 4 * 13.7);
}

TEST(Erasing, FillsWithTheMeanColourUnlessAskedOtherwise) {
  const Image image = erased({.erase = 1}, 0);
  const Rectangle r = bounds(image);
  const Colour mean = mean_colour({});
  for (int c = 0; c < 3; ++c)
    EXPECT_EQ(image.rgb[static_cast<std::size_t>(3 * (r.top * kSide + r.left) + c)],
              mean[static_cast<std::size_t>(c)]);
}

TEST(Erasing, ColourIsOneDrawARectangle) {
  std::map<std::array<std::uint8_t, 3>, int> colours;
  const Image image = erased({.erase = 1, .erase_mode = EraseMode::colour}, 3);
  for (std::size_t i = 0; i < image.rgb.size(); i += 3)
    ++colours[{image.rgb[i], image.rgb[i + 1], image.rgb[i + 2]}];
  EXPECT_EQ(colours.size(), 2u);
}

TEST(Erasing, PixelsAreNormalBehindTheNormalisation) {
  const Preprocessing preprocessing;
  std::array<double, 3> sum{}, squares{};
  double n = 0;
  Image image = white();
  for (std::uint64_t sample = 0; sample < 60; ++sample) {
    image = erased({.erase = 1, .erase_mode = EraseMode::pixels}, sample);
    for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
      if (image.rgb[i] == 255 && image.rgb[i + 1] == 255 && image.rgb[i + 2] == 255) continue;
      ++n;
      for (std::size_t c = 0; c < 3; ++c) {
        const double z = (image.rgb[i + c] / 255.0 - preprocessing.mean[c]) / preprocessing.std[c];
        sum[c] += z;
        squares[c] += z * z;
      }
    }
  }
  ASSERT_GT(n, 20'000);
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(sum[c] / n, 0, 0.03);
    EXPECT_NEAR(std::sqrt(squares[c] / n), 1, 0.05);  // a little less for the clipped tails
  }
}

TEST(Erasing, SeveralRectanglesShareTheArea) {
  int most = 0;
  double several = 0;
  for (std::uint64_t sample = 0; sample < 400; ++sample) {
    const Rectangle r = bounds(erased({.erase = 1, .erase_count = 3}, sample));
    most = std::max(most, r.pixels);
    several += r.pixels < (r.bottom - r.top) * (r.right - r.left);
  }
  EXPECT_LE(most, kSide * kSide / 3 + 2 * kSide);
  EXPECT_GT(several / 400, 0.4);
}

TEST(Erasing, AnImageOfOnePixelStays) {
  Image dot{1, 1, {1, 2, 3}};
  RandomStream random = stream(0);
  erase_randomly(dot, {.erase = 1}, {}, random);
  EXPECT_EQ(dot.rgb, (std::vector<std::uint8_t>{1, 2, 3}));
}

}  // namespace
}  // namespace stockpot
