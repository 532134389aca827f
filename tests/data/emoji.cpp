// The real emoji sets, when they are present: six styles of the same pictures.
#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "stockpot/base/error.h"
#include "tests/base/shared_folder.h"
#include "tests/data/scratch.h"

namespace stockpot {
namespace {

class Emoji : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = shared_folder() / "data" / "emoji-styles";
    if (!fs::exists(folder_)) GTEST_SKIP() << folder_ << " is absent";
  }

  SourceSpec style(const std::string& name, const std::string& split = "") const {
    SourceSpec result = source(folder_ / (name + ".tar.gz"));
    result.split = split;
    if (!split.empty()) result.splits = folder_ / "splits.csv";
    return result;
  }

  fs::path folder_;
};

TEST_F(Emoji, NotoHas1559PicturesOf8Classes) {
  const ImageDataset set = load({style("noto")});
  EXPECT_EQ(set.size(), 1559);
  EXPECT_EQ(set.classes(), (std::vector<std::string>{"activities", "animals-nature", "food-drink",
                                                     "objects", "people-body", "smileys-emotion",
                                                     "symbols", "travel-places"}));
  EXPECT_EQ(set.id(0), "noto/activities/1st-place-medal.png");
  EXPECT_EQ(set.image(0)->height, 64);
  EXPECT_EQ(set.image(0)->width, 64);
}

TEST_F(Emoji, SplitsAreDisjointAndMakeUpTheWhole) {
  std::int64_t total = 0;
  std::set<std::string> seen;
  for (const char* split : {"train", "val", "test"}) {
    const ImageDataset set = load({style("noto", split)});
    total += set.size();
    for (const std::string& id : ids(set)) EXPECT_TRUE(seen.insert(id).second) << id;
  }
  EXPECT_EQ(total, 1559);
  EXPECT_EQ(load({style("noto", "train")}).size(), 1092);
  const std::string text = message<UsageError>([&] { load({style("noto", "valid")}); });
  EXPECT_TRUE(contains(text, "it has: 'test', 'train', 'val'"));
}

TEST_F(Emoji, SixStylesLoadAsSixGroups) {
  const auto start = std::chrono::steady_clock::now();
  const ImageDataset set =
      load({style("noto"), style("twemoji"), style("openmoji"), style("fluent-flat"),
            style("fluent-high-contrast"), style("emojione-monotone")});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(set.size(), 1559 + 1559 + 1555 + 1532 + 1532 + 1058);
  EXPECT_EQ(set.groups().size(), 6u);
  RecordProperty("seconds", std::to_string(seconds.count()));
  EXPECT_LT(seconds.count(), 60);
}

}  // namespace
}  // namespace stockpot
