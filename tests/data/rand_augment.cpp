#include "stockpot/data/rand_augment.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "tests/data/picture.h"

namespace stockpot {
namespace {

using test::digest;
using test::formula;

constexpr Colour kFill{124, 116, 104};

RandomStream stream(std::uint64_t sample) { return {1, Purpose::augment, 0, sample}; }

Image augmented(const Image& image, const Augmentation& augmentation, std::uint64_t sample) {
  RandomStream random = stream(sample);
  return rand_augment(image, augmentation, kFill, random);
}

// What one operation at a magnitude may give, by digest.
std::map<std::string, int> outcomes(const Image& image, double magnitude, bool increasing) {
  std::map<std::string, int> result;
  for (int i = 0; i < kOperations; ++i)
    for (const bool negative : {false, true})
      for (const auto interpolation : {Interpolation::bilinear, Interpolation::bicubic}) {
        const auto operation = static_cast<Operation>(i);
        const double argument = operation_argument(operation, magnitude, increasing, negative);
        result[digest(apply_operation(image, operation, argument, interpolation, kFill))] = i;
      }
  return result;
}

// Large enough to be equalized, and without the whole range of values to be stretched.
Image dim_picture() {
  Image image = formula(24, 26);
  for (std::uint8_t& value : image.rgb) value = static_cast<std::uint8_t>(value * 3 / 4 + 30);
  return image;
}

TEST(RandAugment, DoesEachOfFifteenOperationsWithProbabilityOneThirtieth) {
  const Image image = dim_picture();
  for (const bool increasing : {false, true}) {
    const std::map<std::string, int> possible = outcomes(image, 7, increasing);
    const Augmentation one{
        .rand_operations = 1, .rand_magnitude = 7, .rand_increasing = increasing};
    std::map<int, int> counts;
    constexpr int kDraws = 9000;
    for (std::uint64_t sample = 0; sample < kDraws; ++sample) {
      const Image result = augmented(image, one, sample);
      const auto found = possible.find(digest(result));
      const bool same = result.rgb == image.rgb;
      ASSERT_TRUE(same || found != possible.end());
      ++counts[same ? -1 : found->second];
    }
    EXPECT_NEAR(counts[-1], kDraws / 2, 4 * 47);
    for (int i = 0; i < kOperations; ++i) EXPECT_NEAR(counts[i], kDraws / 30, 4 * 17.1) << i;
  }
}

TEST(RandAugment, MovesBothWaysAndInterpolatesBothWays) {
  const Image image = dim_picture();
  std::map<std::string, int> counts;
  const Augmentation one{.rand_operations = 1, .rand_magnitude = 7, .rand_probability = 1};
  constexpr int kDraws = 6000;
  for (std::uint64_t sample = 0; sample < kDraws; ++sample)
    ++counts[digest(augmented(image, one, sample))];
  for (const double degrees : {-21.0, 21.0})
    for (const auto interpolation : {Interpolation::bilinear, Interpolation::bicubic})
      EXPECT_NEAR(counts[digest(rotate(image, degrees, interpolation, kFill))], kDraws / 60, 40);
}

TEST(RandAugment, WithoutOperationsChangesNothing) {
  const Image image = dim_picture();
  for (std::uint64_t sample = 0; sample < 50; ++sample)
    EXPECT_EQ(augmented(image, {.rand_operations = 0}, sample).rgb, image.rgb);
}

// As timm: the weakest rotation is none, the weakest posterize is black.
TEST(RandAugment, WithMagnitudeZeroStillChangesColours) {
  const Image image = dim_picture();
  const Augmentation zero{.rand_operations = 1, .rand_magnitude = 0, .rand_probability = 1};
  std::map<std::string, int> counts;
  for (std::uint64_t sample = 0; sample < 600; ++sample)
    ++counts[digest(augmented(image, zero, sample))];
  EXPECT_GT(counts[digest(posterize(image, 0))], 0);
  EXPECT_GT(counts[digest(invert(image))], 0);
  EXPECT_GT(counts[digest(image)], 600 / 15 * 4);  // 5 moves and the addition of 0
}

TEST(RandAugment, ActsAtMostAtTheLargestMagnitude) {
  const Image image = dim_picture();
  Augmentation ten{.rand_operations = 2, .rand_magnitude = 10};
  Augmentation fifteen = ten;
  fifteen.rand_magnitude = 15;
  Augmentation raised = fifteen;
  raised.rand_max = 20;
  int different = 0;
  for (std::uint64_t sample = 0; sample < 60; ++sample) {
    const Image expected = augmented(image, ten, sample);
    EXPECT_EQ(augmented(image, fifteen, sample).rgb, expected.rgb);
    different += augmented(image, raised, sample).rgb != expected.rgb;
  }
  EXPECT_GT(different, 20);
}

// The magnitude shows in the factor by which brightness multiplies a grey of 100.
std::vector<double> brightness_magnitudes(double magnitude, double std) {
  const Image grey{2, 2, std::vector<std::uint8_t>(12, 100)};
  std::vector<double> magnitudes;
  for (std::uint64_t sample = 0; sample < 60'000; ++sample) {
    RandomStream random = stream(sample);
    if (random.below(kOperations) != static_cast<std::uint64_t>(Operation::brightness)) continue;
    const Augmentation a{
        .rand_operations = 1, .rand_magnitude = magnitude, .rand_std = std, .rand_probability = 1};
    magnitudes.push_back((augmented(grey, a, sample).rgb[0] / 100.0 - 0.1) / 1.8 * 10);
  }
  return magnitudes;
}

TEST(RandAugment, DrawsMagnitudesFromANormalDistributionClippedToItsRange) {
  double sum = 0, squares = 0;
  const std::vector<double> values = brightness_magnitudes(5, 1.5);
  for (const double value : values) {
    sum += value;
    squares += (value - 5) * (value - 5);
  }
  const double n = static_cast<double>(values.size());
  EXPECT_NEAR(n, 4000, 250);
  EXPECT_NEAR(sum / n, 5, 0.12);
  EXPECT_NEAR(std::sqrt(squares / n), 1.5, 0.08);
  for (const double value : brightness_magnitudes(9, 4)) {
    EXPECT_GE(value, -0.06);
    EXPECT_LE(value, 10.0);
  }
}

TEST(RandAugment, AStandardDeviationAboveAHundredMeansUniform) {
  const std::vector<double> values = brightness_magnitudes(8, 101);
  double below = 0;
  for (const double value : values) {
    below += value < 2;
    EXPECT_LE(value, 8.0);
  }
  EXPECT_NEAR(below / static_cast<double>(values.size()), 0.25, 0.05);
}

TEST(MeanColour, RoundsHalvesToEvenAsPython) {
  Preprocessing preprocessing;
  EXPECT_EQ(mean_colour(preprocessing), (Colour{124, 116, 104}));
  preprocessing.mean = {0.5f, 1.5f, -1};
  EXPECT_EQ(mean_colour(preprocessing), (Colour{128, 255, 0}));
}

}  // namespace
}  // namespace stockpot
