#include <gtest/gtest.h>

#include "stockpot/base/error.h"
#include "tests/data/scratch.h"

namespace stockpot {
namespace {

using Names = std::vector<std::string>;

// A folder with three pictures that tables in it can list.
struct Listed : Scratch {
  Listed() {
    for (int i = 1; i <= 3; ++i) write("img/" + std::to_string(i) + ".png", png(i));
  }
  SourceSpec table(std::string_view text) const { return source(write("t.csv", text)); }
};

template <typename Error>
std::string problem(const SourceSpec& spec) {
  return message<Error>([&] { load({spec}); });
}

TEST(Table, ReadsPathsLabelsAndGroups) {
  const Listed listed;
  const ImageDataset set =
      load({listed.table("path,label,group,camera\nimg/3.png,dog,night,7\nimg/"
                         "1.png,dog,day,7\nimg/2.png,cat,,7\n")});
  EXPECT_EQ(ids(set), (Names{"img/2.png", "img/1.png", "img/3.png"}));
  EXPECT_EQ(set.classes(), (Names{"cat", "dog"}));
  EXPECT_EQ(set.groups(), (Names{"day", "night", "t"}));
  EXPECT_EQ(set.group(0), 2);
  EXPECT_EQ(set.group(2), 1);
  EXPECT_EQ(set.image(1)->rgb, picture(1).rgb);
}

TEST(Table, ChoosesASplitByItsColumn) {
  const Listed listed;
  SourceSpec spec = listed.table(
      "path,label,split\nimg/1.png,a,train\nimg/"
      "2.png,b,train\nimg/3.png,a,test\n");
  spec.split = "train";
  EXPECT_EQ(ids(load({spec})), (Names{"img/1.png", "img/2.png"}));
  spec.split = "val";
  EXPECT_TRUE(contains(problem<UsageError>(spec), "it has: 'test', 'train'"));
  spec = listed.table("path,label\nimg/1.png,a\n");
  spec.split = "train";
  EXPECT_TRUE(contains(problem<FormatError>(spec), "no column 'split'"));
}

TEST(Table, SaysThatItHasNoRows) {
  const Listed listed;
  const std::string text = problem<FormatError>(listed.table("path,label\n"));
  EXPECT_TRUE(contains(text, "t.csv: no rows below the header"));
}

TEST(Table, TakesPathsRelativeToRoot) {
  const Listed listed;
  SourceSpec spec = source(listed.write("meta/t.tsv", "path\tlabel\n1.png\ta\n2.png\tb\n"));
  spec.root = listed / "img";
  EXPECT_EQ(load({spec}).size(), 2);
  spec.root = listed / "nowhere";
  EXPECT_TRUE(contains(problem<UsageError>(spec), "root folder does not exist"));
}

TEST(Table, C09_NamesTheLineOfAnError) {
  const Listed listed;
  EXPECT_TRUE(contains(problem<FormatError>(listed.table("path,label\nimg/1.png,a\n,b\n")),
                       "t.csv:3: the path is empty"));
  EXPECT_TRUE(contains(problem<FormatError>(listed.table("path,label\nimg/1.png,\n")),
                       "t.csv:2: the label is empty"));
  EXPECT_TRUE(contains(problem<FormatError>(listed.table("path,lable\nimg/1.png,a\n")),
                       "no column 'label' in the header; found: path, lable"));
  EXPECT_TRUE(contains(
      problem<FormatError>(listed.table("path,label\nimg/1.png,a\nimg/2.png,b\nimg/1.png,b\n")),
      "t.csv:4"));
}

TEST(Table, C09_NamesTheLineOfALabelThatTheModelLacks) {
  const Listed listed;
  const SourceSpec spec = listed.table("path,label\nimg/1.png,cat\nimg/2.png,dgo\n");
  const std::string text = message<UsageError>([&] { load({spec}, {{"cat", "dog"}}); });
  EXPECT_TRUE(contains(text, "t.csv:3 (img/2.png): "));
  EXPECT_TRUE(contains(text, "the class 'dgo' is none of the model's 2 classes"));
  EXPECT_TRUE(contains(text, "nearest is 'dog'"));
  EXPECT_TRUE(contains(text, "class_map: {'dgo': 'dog'}"));
}

TEST(Table, NamesTheFileThatIsMissing) {
  const Listed listed;
  EXPECT_TRUE(contains(problem<FormatError>(listed.table("path,label\nimg/1.png,a\nimg/9.png,b\n")),
                       "t.csv:3 (img/9.png): "));
}

}  // namespace
}  // namespace stockpot
