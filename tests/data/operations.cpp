#include "stockpot/data/operations.h"

#include <gtest/gtest.h>

#include <map>

#include "stockpot/base/error.h"
#include "stockpot/data/rand_augment.h"
#include "tests/data/picture.h"

namespace stockpot {
namespace {

using test::formula;

const std::map<std::string, Operation> kNames = {{"AutoContrast", Operation::auto_contrast},
                                                 {"Equalize", Operation::equalize},
                                                 {"Invert", Operation::invert},
                                                 {"Rotate", Operation::rotate},
                                                 {"Posterize", Operation::posterize},
                                                 {"Solarize", Operation::solarize},
                                                 {"SolarizeAdd", Operation::solarize_add},
                                                 {"Color", Operation::color},
                                                 {"Contrast", Operation::contrast},
                                                 {"Brightness", Operation::brightness},
                                                 {"Sharpness", Operation::sharpness},
                                                 {"ShearX", Operation::shear_x},
                                                 {"ShearY", Operation::shear_y},
                                                 {"TranslateXRel", Operation::translate_x},
                                                 {"TranslateYRel", Operation::translate_y}};

const std::map<std::string, Interpolation> kInterpolations = {{"-", Interpolation::nearest},
                                                              {"nearest", Interpolation::nearest},
                                                              {"bilinear", Interpolation::bilinear},
                                                              {"bicubic", Interpolation::bicubic}};

constexpr Colour kFill{124, 116, 104};

// pictures() of make_augment.py.
std::vector<Image> pictures() {
  Image dim = formula(31, 44);
  for (std::size_t i = 0; i < dim.rgb.size(); ++i)
    dim.rgb[i] = static_cast<std::uint8_t>(dim.rgb[i] / 4 + std::array{0, 60, 190}[i % 3]);
  Image flat{5, 9, std::vector<std::uint8_t>(5 * 9 * 3, 77)};
  for (std::size_t i = 0; i < 45; ++i) flat.rgb[3 * i + 1] = static_cast<std::uint8_t>(i % 9);
  return {formula(45, 67), formula(64, 64), formula(20, 20), dim, flat, formula(1, 2)};
}

TEST(Operations, AreToldWhatTimmTellsThem) {
  for (const auto& row : test::fixture_rows("levels.tsv")) {
    EXPECT_EQ(operation_argument(kNames.at(row.at(0)), std::stod(row.at(2)), row.at(1) == "1",
                                 row.at(3) == "1"),
              std::stod(row.at(4)))
        << join(row, " ");
  }
}

TEST(Operations, EqualTimmsOnPillowImagesBitForBit) {
  const std::vector<Image> images = pictures();
  std::map<std::string, int> cases;
  for (const auto& row : test::fixture_rows("operations.tsv")) {
    const Operation operation = kNames.at(row.at(0));
    const double argument =
        operation_argument(operation, std::stod(row.at(2)), row.at(1) == "1", row.at(3) == "1");
    std::vector<std::uint8_t> bytes;
    for (const Image& image : images) {
      const Image result =
          apply_operation(image, operation, argument, kInterpolations.at(row.at(4)), kFill);
      EXPECT_EQ(result.height, image.height);
      EXPECT_EQ(result.width, image.width);
      bytes.insert(bytes.end(), result.rgb.begin(), result.rgb.end());
    }
    EXPECT_EQ(sha256(std::as_bytes(std::span(bytes))), row.at(5)) << join(row, " ");
    ++cases[row.at(0)];
  }
  EXPECT_EQ(cases.size(), 15u);
  EXPECT_EQ(cases["Rotate"], 30);
}

TEST(Operations, EveryOperationOfTheEnumIsInTheFixtures) {
  EXPECT_EQ(kNames.size(), static_cast<std::size_t>(kOperations));
}

TEST(Posterize, WithoutBitsLeavesBlackAndWithEightAll) {
  const Image image = formula(3, 4);
  EXPECT_EQ(posterize(image, 0).rgb, std::vector<std::uint8_t>(36, 0));
  EXPECT_EQ(posterize(image, -4).rgb, std::vector<std::uint8_t>(36, 0));
  EXPECT_EQ(posterize(image, 8).rgb, image.rgb);
  EXPECT_EQ(posterize(image, 11).rgb, image.rgb);
}

TEST(TransformAffine, FillsWhatShowsNothingOfTheSource) {
  const Image image = formula(4, 6);
  for (const Interpolation interpolation :
       {Interpolation::nearest, Interpolation::bilinear, Interpolation::bicubic}) {
    const Image moved = transform_affine(image, {.c = 100}, interpolation, kFill);
    for (std::size_t i = 0; i < moved.rgb.size(); ++i) EXPECT_EQ(moved.rgb[i], kFill[i % 3]);
    EXPECT_EQ(transform_affine(image, {}, interpolation, kFill).rgb, image.rgb);
  }
}

TEST(TransformAffine, RefusesFiltersThatOnlyResize) {
  EXPECT_THROW(transform_affine(formula(4, 6), {}, Interpolation::lanczos, kFill), UsageError);
}

}  // namespace
}  // namespace stockpot
