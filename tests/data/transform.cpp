#include "stockpot/data/transform.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/data/picture.h"

namespace stockpot {
namespace {

using test::digest;
using test::formula;

const std::map<std::string, Interpolation> kInterpolations = {
    {"nearest", Interpolation::nearest}, {"bilinear", Interpolation::bilinear},
    {"bicubic", Interpolation::bicubic}, {"lanczos", Interpolation::lanczos},
    {"box", Interpolation::box},         {"hamming", Interpolation::hamming}};

void expect_equal_to_pillow(const std::string& filter) {
  int cases = 0;
  for (const auto& row : test::fixture_rows("resize.tsv")) {
    if (row.at(0) != filter) continue;
    const auto integer = [&](std::size_t i) { return std::stoi(row.at(i)); };
    const Box box{std::stod(row.at(5)), std::stod(row.at(6)), std::stod(row.at(7)),
                  std::stod(row.at(8))};
    const Image image = resize(formula(integer(1), integer(2)), integer(3), integer(4),
                               kInterpolations.at(filter), box);
    EXPECT_EQ(digest(image), row.at(9)) << join(row, " ");
    ++cases;
  }
  EXPECT_EQ(cases, 20);
}

TEST(Resize, EqualsPillowNearest) { expect_equal_to_pillow("nearest"); }
TEST(Resize, EqualsPillowBilinear) { expect_equal_to_pillow("bilinear"); }
TEST(Resize, EqualsPillowBicubic) { expect_equal_to_pillow("bicubic"); }
TEST(Resize, EqualsPillowLanczos) { expect_equal_to_pillow("lanczos"); }
TEST(Resize, EqualsPillowBox) { expect_equal_to_pillow("box"); }
TEST(Resize, EqualsPillowHamming) { expect_equal_to_pillow("hamming"); }

TEST(Prepare, EqualsTorchvisionsResizeAndCentreCrop) {
  for (const auto& row : test::fixture_rows("prepare.tsv")) {
    const auto integer = [&](std::size_t i) { return std::stoi(row.at(i)); };
    Preprocessing preprocessing;
    preprocessing.interpolation = kInterpolations.at(row.at(0));
    preprocessing.resize_exact = row.at(1) == "1";
    preprocessing.resize_height = integer(2);
    preprocessing.resize_width = integer(3);
    preprocessing.crop_height = integer(4);
    preprocessing.crop_width = integer(5);
    const Image image = prepare(formula(integer(6), integer(7)), preprocessing);
    EXPECT_EQ(digest(image), row.at(8)) << join(row, " ");
  }
}

TEST(Prepare, CropsWhereTransformersDoesWhenToldTo) {
  const Image five = formula(1, 5);
  Preprocessing preprocessing{.resize_exact = true, .resize_height = 1, .resize_width = 5};
  preprocessing.crop_height = 1;
  preprocessing.crop_width = 2;
  EXPECT_EQ(prepare(five, preprocessing).rgb[0], five.rgb[2 * 3]);  // round(1.5)
  preprocessing.crop_rounds_down = true;
  EXPECT_EQ(prepare(five, preprocessing).rgb[0], five.rgb[1 * 3]);  // int(1.5)
}

TEST(Prepare, AnImageOfOneRowNeedsNoHugeIntermediate) {
  // Resized to 224 on its short side this would have 100 billion pixels.
  const Image line = formula(1, 2'000'000);
  for (const auto& [name, interpolation] : kInterpolations) {
    Preprocessing preprocessing;
    preprocessing.interpolation = interpolation;
    const Image image = prepare(line, preprocessing);
    EXPECT_EQ(image.height, 224) << name;
    EXPECT_EQ(image.width, 224) << name;
    EXPECT_EQ(image.rgb.size(), 224u * 224 * 3) << name;
  }
}

TEST(CentreCrop, RoundsHalvesToEvenAsPythonDoes) {
  const Image five = formula(1, 5);
  EXPECT_EQ(centre_crop(five, 1, 4).rgb[0], five.rgb[0]);      // round(0.5) == 0
  EXPECT_EQ(centre_crop(five, 1, 2).rgb[0], five.rgb[2 * 3]);  // round(1.5) == 2
}

TEST(CentreCrop, PadsASmallerImageWithBlack) {
  const Image one{1, 1, {10, 20, 30}};
  EXPECT_EQ(centre_crop(one, 1, 4).rgb,
            (std::vector<std::uint8_t>{0, 0, 0, 10, 20, 30, 0, 0, 0, 0, 0, 0}));
}

TEST(Flip, SwapsLeftAndRight) {
  const Image image{2, 2, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
  EXPECT_EQ(flip_horizontally(image).rgb,
            (std::vector<std::uint8_t>{4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9}));
}

TEST(Colour, EqualsPillowsEnhancersAndTorchvisionsHue) {
  const std::map<std::string, Image (*)(const Image&, double)> operations = {
      {"brightness", adjust_brightness},
      {"contrast", adjust_contrast},
      {"saturation", adjust_saturation},
      {"hue", adjust_hue}};
  const std::map<std::string, Image> pictures = {{"formula", formula(45, 67)},
                                                 {"cube", test::colour_cube()}};
  for (const auto& row : test::fixture_rows("colour.tsv")) {
    const Image image = operations.at(row.at(0))(pictures.at(row.at(1)), std::stod(row.at(2)));
    EXPECT_EQ(digest(image), row.at(3)) << join(row, " ");
  }
}

}  // namespace
}  // namespace stockpot
