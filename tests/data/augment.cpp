#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "stockpot/base/error.h"
#include "stockpot/data/batch.h"
#include "stockpot/data/rand_augment.h"
#include "stockpot/data/transform.h"
#include "tests/data/picture.h"
#include "tests/data/scratch.h"

namespace stockpot {
namespace {

using test::formula;

RandomStream stream(std::uint64_t sample) { return {7, Purpose::augment, 3, sample}; }

Preprocessing small_input() {
  Preprocessing preprocessing;
  preprocessing.resize_height = preprocessing.resize_width = 40;
  preprocessing.crop_height = 24;
  preprocessing.crop_width = 32;
  return preprocessing;
}

TEST(Augmentation, PresetsAreWhatTheirNamesSay) {
  EXPECT_FALSE(augmentation_preset("none").any());
  EXPECT_EQ(augmentation_preset("minimal"),
            (Augmentation{.crop = true, .min_scale = 0.9, .flip = 0.5}));
  EXPECT_EQ(augmentation_preset("medium").min_scale, 0.35);
  EXPECT_EQ(augmentation_preset("strong").hue, 0.1);
}

TEST(Augmentation, AnUnknownPresetIsAnsweredWithTheKnownOnes) {
  try {
    augmentation_preset("heavy");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(),
                 "augmentation 'heavy' is not one of none, minimal, medium, strong, nor "
                 "RandAugment as in rand-m9-n2-mstd0.5-inc1");
  }
}

TEST(Augment, TheSameStreamGivesTheSameBytes) {
  const Image image = formula(60, 80);
  const Augmentation strong = augmentation_preset("strong");
  std::set<std::string> digests;
  for (std::uint64_t sample = 0; sample < 20; ++sample) {
    const Image view = augment(image, strong, small_input(), stream(sample));
    EXPECT_EQ(view.height, 24);
    EXPECT_EQ(view.width, 32);
    EXPECT_EQ(view.rgb, augment(image, strong, small_input(), stream(sample)).rgb);
    digests.insert(test::digest(view));
  }
  EXPECT_EQ(digests.size(), 20u);
}

TEST(Augment, WithoutAnythingItIsThePreparedImage) {
  const Image image = formula(60, 80);
  EXPECT_EQ(augment(image, {}, small_input(), stream(0)).rgb, prepare(image, small_input()).rgb);
}

TEST(Augment, FlipsAsOftenAsAsked) {
  const Image image = formula(30, 30);
  const Image straight = prepare(image, small_input());
  int flipped = 0;
  for (std::uint64_t sample = 0; sample < 400; ++sample) {
    const Image view = augment(image, {.flip = 0.25}, small_input(), stream(sample));
    if (view.rgb == straight.rgb) continue;
    EXPECT_EQ(view.rgb, flip_horizontally(straight).rgb);
    ++flipped;
  }
  EXPECT_NEAR(flipped, 100, 35);  // four standard deviations
}

// A picture whose pixels say where they are.
Image coordinates(int height, int width) {
  Image image{height, width, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (const int value : {y, x, 0}) image.rgb.push_back(static_cast<std::uint8_t>(value));
  return image;
}

TEST(Augment, CropsHaveTheAskedAreasAndRatios) {
  Preprocessing input;
  input.crop_height = input.crop_width = 200;
  input.interpolation = Interpolation::nearest;
  const Image image = coordinates(200, 200);
  double least = 1, most = 0;
  for (std::uint64_t sample = 0; sample < 300; ++sample) {
    const Image view =
        augment(image, {.crop = true, .min_scale = 0.2, .max_scale = 0.5}, input, stream(sample));
    // The first and last pixel of a crop that is enlarged are those of its corners.
    const std::size_t last = view.rgb.size() - 3;
    const double height = view.rgb[last] - view.rgb[0] + 1;
    const double width = view.rgb[last + 1] - view.rgb[1] + 1;
    const double area = height * width / 40'000;
    least = std::min(least, area);
    most = std::max(most, area);
    EXPECT_GT(width / height, 0.73);
    EXPECT_LT(width / height, 1.36);
  }
  EXPECT_NEAR(least, 0.2, 0.02);
  EXPECT_NEAR(most, 0.5, 0.02);
}

TEST(Augment, AnImageTooFlatForAnyCropIsCroppedInItsMiddle) {
  Preprocessing input;
  input.crop_height = 9;
  input.crop_width = 12;
  input.interpolation = Interpolation::nearest;
  const Image image = coordinates(9, 200);  // ratio 22, at most 4/3 is allowed
  const Image view = augment(image, {.crop = true, .min_scale = 0.9}, input, stream(0));
  EXPECT_EQ(view.rgb[1], (200 - 12) / 2);
  EXPECT_EQ(view.rgb[view.rgb.size() - 2], (200 - 12) / 2 + 11);
}

TEST(Augment, RandAugmentComesBehindTheFlipAndErasingComesLast) {
  const Image image = formula(60, 80);
  const Augmentation all{.crop = true, .flip = 0.5, .rand_operations = 2, .erase = 1};
  const Augmentation geometry{.crop = true, .flip = 0.5};
  const Colour mean = mean_colour(small_input());
  int as_cropped = 0;
  for (std::uint64_t sample = 0; sample < 40; ++sample) {
    const Image view = augment(image, all, small_input(), stream(sample));
    EXPECT_EQ(view.rgb, augment(image, all, small_input(), stream(sample)).rgb);
    // Crop and flip draw first: where nothing was erased and no operation was done, the view
    // is as without them. What was erased has the mean colour, whatever the operations did.
    const Image plain = augment(image, geometry, small_input(), stream(sample));
    std::size_t other = 0, filled = 0;
    for (std::size_t i = 0; i < view.rgb.size(); i += 3) {
      const bool is_mean = std::equal(mean.begin(), mean.end(), &view.rgb[i]);
      filled += is_mean;
      other += !is_mean && !std::equal(&view.rgb[i], &view.rgb[i] + 3, &plain.rgb[i]);
    }
    EXPECT_GT(filled, view.rgb.size() / 3 / 50 / 2);
    as_cropped += other == 0;
  }
  EXPECT_NEAR(as_cropped, 10, 9);  // a quarter: neither operation done
}

TEST(Augment, F16_RandAugmentAndErasingAreTheSameForAnyNumberOfLoaderThreads) {
  const Scratch scratch;
  for (int i = 0; i < 20; ++i)
    scratch.write((i < 9 ? "set/a/" : "set/b/") + std::to_string(i) + ".png", png(i));
  const ImageDataset set = load(scratch / "set");
  BatchPlan plan;
  plan.batch_size = 3;
  plan.shuffle = true;
  plan.augmentation = augmentation_preset("rand-m9-n2-mstd0.5-inc1");
  plan.augmentation->erase = 0.5;
  plan.augmentation->erase_mode = EraseMode::pixels;
  const auto pixels = [&](int threads) {
    plan.loader_threads = threads;
    BatchLoader loader(set, small_input(), plan);
    std::vector<std::vector<std::uint8_t>> result;
    while (auto batch = loader.next()) result.push_back(std::move(batch->pixels));
    return result;
  };
  const auto expected = pixels(0);
  EXPECT_EQ(expected.size(), 7u);
  for (const int threads : {1, 2, 5}) EXPECT_EQ(pixels(threads), expected);
}

TEST(Augment, ColourJitterStaysWithinItsBounds) {
  const Image grey{1, 1, {100, 100, 100}};
  Preprocessing input;
  input.resize_height = input.crop_height = input.crop_width = 1;
  for (std::uint64_t sample = 0; sample < 200; ++sample) {
    const Image view = augment(grey, {.brightness = 0.4}, input, stream(sample));
    EXPECT_GE(view.rgb[0], 60);
    EXPECT_LE(view.rgb[0], 140);
  }
}

}  // namespace
}  // namespace stockpot
