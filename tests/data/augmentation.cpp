#include <gtest/gtest.h>

#include "stockpot/base/error.h"
#include "stockpot/data/transform.h"

namespace stockpot {
namespace {

std::string problem(const std::string& text) {
  try {
    parse_rand_augment(text);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(ParseRandAugment, ReadsEveryPartInAnyOrder) {
  const Augmentation expected{.rand_operations = 3,
                              .rand_magnitude = 9,
                              .rand_std = 0.5,
                              .rand_max = 20,
                              .rand_probability = 0.25,
                              .rand_increasing = true};
  EXPECT_EQ(parse_rand_augment("rand-m9-n3-mstd0.5-mmax20-inc1-p0.25"), expected);
  EXPECT_EQ(parse_rand_augment("rand-p.25-inc1-mmax20-mstd0.5-n3-m9"), expected);
}

TEST(ParseRandAugment, TakesTimmsDefaultsForWhatIsLeftOut) {
  const Augmentation written = parse_rand_augment("rand");
  EXPECT_EQ(written.rand_operations, 2);
  EXPECT_EQ(written.rand_magnitude, 10);
  EXPECT_EQ(written, parse_rand_augment("rand-m10-n2-mstd0-inc0-p0.5-mmax10"));
}

TEST(ParseRandAugment, KeepsTheRestOfTheBase) {
  const Augmentation base{.crop = true, .flip = 0.5, .rand_std = 3, .erase = 0.25};
  const Augmentation written = parse_rand_augment("rand-m4-n1", base);
  EXPECT_TRUE(written.crop);
  EXPECT_EQ(written.erase, 0.25);
  EXPECT_EQ(written.rand_std, 0);
}

TEST(ParseRandAugment, SaysWhatIsWrong) {
  EXPECT_EQ(problem("rand-m9-n2-w0"),
            "RandAugment 'rand-m9-n2-w0': 'w0' is not one of the parts m, n, mstd, mmax, inc, p, "
            "each with a number behind it, as in rand-m9-n2-mstd0.5-inc1");
  EXPECT_EQ(problem("rand-m9.5"),
            "RandAugment 'rand-m9.5': m (the magnitude) should be a whole number from 0 to 100, "
            "found '9.5'");
  EXPECT_EQ(problem("rand-m9-m8"), "RandAugment 'rand-m9-m8': m is given twice");
  EXPECT_EQ(problem("augmix-m3"),
            "RandAugment 'augmix-m3': should begin with rand, as rand-m9-n2-mstd0.5-inc1");
}

TEST(ParseRandAugment, RefusesWhatTimmWouldIgnoreOrMisread) {
  for (const char* text : {"",           "rand-",          "rand-m",      "rand-n",
                           "rand-m-5",   "rand-n1.5",      "rand-n101",   "rand-mstdinf",
                           "rand-mstd",  "rand-mstd1e999", "rand-inc2",   "rand-p1.5",
                           "rand-mmax0", "rand-mmax21",    "rand-m9x",    "rand-tweights",
                           "rand-mnan",  "randm9",         "rand-m9--n2", "rand-m 9"})
    EXPECT_NE(problem(text), "") << text;
}

TEST(AugmentationPreset, OfRandAugmentIsTimmsTrainingTransform) {
  EXPECT_EQ(augmentation_preset("rand-m15-n2"), (Augmentation{.crop = true,
                                                              .min_scale = 0.08,
                                                              .flip = 0.5,
                                                              .rand_operations = 2,
                                                              .rand_magnitude = 15}));
  EXPECT_THROW(augmentation_preset("rand-m15-n2-x1"), UsageError);
}

TEST(Augmentation, IsSomethingWhenRandAugmentOrErasingIsOn) {
  EXPECT_TRUE((Augmentation{.rand_operations = 1}).any());
  EXPECT_TRUE((Augmentation{.erase = 0.1}).any());
  EXPECT_FALSE((Augmentation{.rand_magnitude = 5, .erase_count = 3}).any());
}

}  // namespace
}  // namespace stockpot
