#include "stockpot/recipe/settings.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "recipe_test.h"
#include "stockpot/recipe/reader.h"

namespace stockpot {
namespace {

std::string problem(const std::string& key, const Json& value) {
  try {
    TrainSettings settings;
    settings.set(key, value);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

// Averages are named by their decays.
TEST(TrainSettings, RefuseADecayThatIsThereTwice) {
  EXPECT_EQ(problem("ema", Json::Array{0.9, 0.5, 0.9}),
            "ema should name each decay once, found [0.9,0.5,0.9]");
  EXPECT_EQ(problem("ema", Json::Array{0.9, 0.5}), "no error");
}

TEST(TrainSettings, NamesTheValueItCannotTake) {
  TrainSettings settings;
  settings.set("lr", 0.25);
  EXPECT_DOUBLE_EQ(settings.lr, 0.25);
  EXPECT_EQ(problem("epochs", 0.5), "epochs should be a whole number, found 0.5");
  EXPECT_EQ(problem("optimizer", "adam"),
            "optimizer should be one of adamw, sgd, adafactor, sam, found \"adam\"");
  EXPECT_EQ(problem("batch", 0), "batch should lie in 1..1048576, found 0");
  EXPECT_EQ(problem("wieght_decay", 0.1),
            "unknown setting 'wieght_decay'; did you mean 'weight_decay'?");
  EXPECT_EQ(problem("nesterov", 1), "nesterov should be true or false, found 1");
  EXPECT_EQ(problem("warmup", Json::object({{"setps", 5}})),
            "warmup has an unknown key 'setps' in warmup; did you mean 'steps'?");
  EXPECT_EQ(problem("warmup", Json::object({{"steps", 5}, {"epochs", 1}})),
            "warmup needs exactly one of steps, epochs");
  EXPECT_EQ(problem("train", Json::object()), "train needs exactly one of top, freeze_bottom");
  EXPECT_EQ(problem("l2sp", 0.1), "l2sp should be a map {alpha, beta}, found 0.1");
  EXPECT_EQ(problem("milestones", Json::Array{6, 6}),
            "milestones should increase from epoch to epoch, found [6,6]");
  EXPECT_EQ(problem("augment", Json::object({{"crop", Json::Array{0.5, 0.1}}})),
            "augment crop has its low above its high: [0.5,0.1]");
}

// The words that results of version 0.1 hold: finished runs must be known as the same.
TEST(TrainSettings, ListsOfVersion01StayAsTheyAre) {
  std::string all;
  for (const auto& [key, value] : TrainSettings{}.all()) all += key + "=" + value.dump() + " ";
  EXPECT_EQ(all,
            "optimizer=\"adamw\" lr=0.0003 weight_decay=0.01 momentum=0.9 schedule=\"cosine\" "
            "warmup=0.0 epochs=10 batch=64 label_smoothing=0.0 clip_norm=0.0 "
            "batchnorm=\"frozen\" augment=\"none\" ");
  TrainSettings custom;
  custom.set("augment", Json::object({{"crop", Json::Array{0.35, 1}}, {"flip", 0.5}}));
  EXPECT_EQ(custom.all().back().second.dump(),
            "{\"flip\":0.5,\"brightness\":0.0,\"contrast\":0.0,\"saturation\":0.0,\"hue\":0.0,"
            "\"crop\":[0.35,1.0],\"ratio\":[0.75,1.3333333333333333]}");
}

TEST(TrainSettings, LaterSettingsAreListedWhereTheyDifferFromTheirDefaults) {
  TrainSettings settings;
  settings.set("mixup", 0.2);
  settings.set("dropout", 0);
  const auto all = settings.all();
  ASSERT_EQ(all.size(), 13u);
  EXPECT_EQ(all.back().first, "mixup");
  settings.set("mixup", 0);
  EXPECT_EQ(settings.all(), TrainSettings{}.all());
}

TEST(TrainSettings, EverySettingTakesBackWhatItShows) {
  TrainSettings settings;
  settings.set("warmup", Json::object({{"steps", 500}}));
  settings.set("train", Json::object({{"freeze_bottom", 3}}));
  settings.set("l2sp", Json::object({{"alpha", 0.5}}));
  settings.set("randaugment", "rand-m9-n3-mstd0.5-inc1");
  settings.set("ema", 0.99);
  settings.set("lawa", 4);
  settings.set("swad", Json::object({{"end", 5}}));
  settings.set("milestones", Json::Array{5, 7});
  settings.set("augment", Json::object({{"hue", 0.1}}));
  TrainSettings copy;
  for (const auto& [key, value] : every_setting(settings)) copy.set(key, value);
  EXPECT_EQ(every_setting(copy), every_setting(settings));
  EXPECT_EQ(copy.warmup_steps, 500);
  EXPECT_EQ(copy.trained, "freeze_bottom");
  EXPECT_EQ(copy.trained_layers, 3);
  EXPECT_EQ(copy.ema, std::vector<double>{0.99});
}

TEST(TrainSettings, AnotherFormOfASettingReplacesTheEarlierOne) {
  TrainSettings settings;
  settings.set("warmup", Json::object({{"steps", 500}}));
  settings.set("warmup", 0.1);
  EXPECT_EQ(settings.warmup_steps, 0);
  EXPECT_EQ(settings.warmup, 0.1);
  settings.set("warmup", Json::object({{"epochs", 2}}));
  EXPECT_EQ(settings.warmup, 0);
  settings.set("train", Json::object({{"top", 2}}));
  settings.set("train", "head");
  EXPECT_EQ(settings.trained_layers, 0);
}

TEST(TrainSettings, SwadIsASwitchOrAMap) {
  TrainSettings settings;
  settings.set("swad", true);
  EXPECT_TRUE(settings.swad.on);
  EXPECT_EQ(settings.all().back().second.dump(), "{\"start\":3,\"end\":6,\"tolerance\":1.3}");
  settings.set("swad", Json::object({{"start", 2}, {"tolerance", 1.1}}));
  EXPECT_EQ(settings.all().back().second.dump(), "{\"start\":2,\"end\":6,\"tolerance\":1.1}");
  settings.epochs = 1;
  EXPECT_EQ(settings.conflicts().size(), 1u);  // no loss can be the least of two
  settings.set("swad", false);
  EXPECT_TRUE(settings.conflicts().empty());
  settings.epochs = TrainSettings{}.epochs;
  EXPECT_EQ(settings.all(), TrainSettings{}.all());
  EXPECT_EQ(problem("swad", 3), "swad should be true or false, found 3");
  EXPECT_EQ(problem("swad", Json::object({{"start", 0}})),
            "swad start should lie in 1..100000, found 0");
  EXPECT_EQ(problem("lawa", 0.5), "lawa should be a whole number, found 0.5");
}

TEST(TrainSettings, RandAugmentIsTextOrAMap) {
  TrainSettings text, map;
  text.set("randaugment", "m9-n3-mstd0.5-inc1");
  map.set("randaugment", Json::object({{"m", 9}, {"n", 3}, {"mstd", 0.5}, {"inc", true}}));
  EXPECT_EQ(every_setting(text), every_setting(map));
  const Augmentation augmentation = text.augmentation();
  EXPECT_EQ(augmentation.rand_operations, 3);
  EXPECT_EQ(augmentation.rand_magnitude, 9);
  EXPECT_TRUE(augmentation.rand_increasing);
  for (const Json& off : {Json(), Json(false), Json("none")}) {
    text.set("randaugment", off);
    EXPECT_EQ(text.augmentation(), TrainSettings{}.augmentation());
  }
  EXPECT_CONTAINS(problem("randaugment", "rand-m9-x2"), "'x2' is not one of the parts");
  EXPECT_CONTAINS(problem("randaugment", 9), "should be text such as rand-m9-n2-mstd0.5-inc1");
}

TEST(TrainSettings, AugmentTakesTimmsRandAugmentWithItsCrop) {
  TrainSettings settings;
  settings.set("augment", "rand-m9-n2");
  settings.set("erase", 0.25);
  EXPECT_TRUE(settings.augmentation().crop);
  EXPECT_EQ(settings.augmentation().rand_operations, 2);
  EXPECT_EQ(settings.augmentation().erase, 0.25);
  EXPECT_CONTAINS(problem("augment", "rand-x1"), "RandAugment 'rand-x1'");
  EXPECT_CONTAINS(problem("augment", "random"), "should be one of none, minimal, medium, strong");
}

TEST(TrainSettings, ContradictionsAreNamed) {
  TrainSettings settings;
  EXPECT_TRUE(settings.conflicts().empty());
  settings.schedule = "step";
  settings.nesterov = true;
  settings.gradual_unfreeze = 1;
  settings.trained = "head";
  EXPECT_EQ(settings.conflicts().size(), 3u);
}

}  // namespace
}  // namespace stockpot
