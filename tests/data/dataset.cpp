#include "stockpot/data/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "stockpot/base/error.h"
#include "stockpot/base/threads.h"
#include "tests/data/scratch.h"

namespace stockpot {
namespace {

using Names = std::vector<std::string>;
using Rows = std::vector<std::int64_t>;

// `count` pictures a class, a.0.png ... in classes a, b, ...
void write_set(const Scratch& scratch, const std::string& name, int classes, int count,
               int seed = 0) {
  for (int c = 0; c < classes; ++c) {
    for (int i = 0; i < count; ++i) {
      const std::string class_name(1, static_cast<char>('a' + c));
      scratch.write(name + "/" + class_name + "/" + std::to_string(i) + ".png",
                    png(seed + 100 * c + i));
    }
  }
}

TEST(Dataset, JoinsSourcesWithinEachClass) {
  const Scratch scratch;
  write_set(scratch, "z", 2, 1);
  write_set(scratch, "y", 2, 1, 50);
  SourceSpec second = source(scratch / "y");
  second.group = "other";
  const ImageDataset set = load({source(scratch / "z"), second});
  EXPECT_EQ(ids(set), (Names{"z/a/0.png", "y/a/0.png", "z/b/0.png", "y/b/0.png"}));
  EXPECT_EQ(set.groups(), (Names{"other", "z"}));
  EXPECT_EQ(set.group(1), 0);
}

TEST(Dataset, ItsHashIsOfPixelsLabelsAndClassNamesNotOfFileNames) {
  const Scratch scratch;
  write_set(scratch, "set", 2, 2);
  const ImageDataset set = load(scratch / "set");
  const std::string hash = set.examples_hash();
  EXPECT_EQ(hash.size(), 64u);
  EXPECT_EQ(load(scratch / "set").examples_hash(), hash);
  EXPECT_NE(set.subset(Rows{0, 1, 2}).examples_hash(), hash);
  EXPECT_NE(set.subset(Rows{1, 0, 2, 3}).examples_hash(), hash);
  write_set(scratch, "renamed", 2, 2);
  fs::rename(scratch / "renamed/a/1.png", scratch / "renamed/a/2.png");
  EXPECT_EQ(load(scratch / "renamed").examples_hash(), hash);
  scratch.write("set/a/1.png", png(9));
  EXPECT_NE(load(scratch / "set").examples_hash(), hash);
  fs::rename(scratch / "renamed/a", scratch / "renamed/A");
  EXPECT_NE(load(scratch / "renamed").examples_hash(), hash);
}

TEST(Dataset, RefusesTwoSourcesWithTheSameIds) {
  const Scratch scratch;
  write_set(scratch, "one/set", 2, 1);
  write_set(scratch, "two/set", 2, 1);
  const std::string text = message<FormatError>([&] {
    load({source(scratch / "one/set"), source(scratch / "two/set")});
  });
  EXPECT_TRUE(contains(text, "two samples have the id 'set/a/0.png'"));
}

TEST(Dataset, MapsAndDropsClassesAndUsesTheModelsOrder) {
  const Scratch scratch;
  write_set(scratch, "set", 4, 1);
  DataSpec spec;
  spec.sources = {source(scratch / "set")};
  spec.class_map = {{"a", "x"}, {"b", "w"}, {"c", "x"}, {"d", ""}};
  const ImageDataset set = ImageDataset::load(spec, {{"x", "v", "w"}});
  EXPECT_EQ(set.classes(), (Names{"x", "v", "w"}));
  EXPECT_EQ(ids(set), (Names{"set/b/0.png", "set/a/0.png", "set/c/0.png"}));
  EXPECT_EQ(set.label(0), 2);
  EXPECT_EQ(set.label(1), 0);
  EXPECT_EQ(set.label(2), 0);
}

// A model whose files name no classes: torchvision and timm number those of a folder in this order.
TEST(Dataset, TakesItsClassesInOrderForThoseWithoutNames) {
  const Scratch scratch;
  write_set(scratch, "set", 3, 1);
  const Names numbered{"LABEL_0", "LABEL_1", "LABEL_2"};
  const ImageDataset set = load({source(scratch / "set")}, {numbered});
  EXPECT_EQ(set.classes(), numbered);
  EXPECT_EQ(ids(set), (Names{"set/a/0.png", "set/b/0.png", "set/c/0.png"}));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(set.label(i), i);
  const auto refusal = [&](const Names& classes) {
    return message<UsageError>([&] { load({source(scratch / "set")}, {classes}); });
  };
  const Names fewer{"LABEL_0", "LABEL_1"}, others{"LABEL_1", "LABEL_0", "LABEL_2"};
  EXPECT_TRUE(contains(refusal(fewer), "has no class in common with the model"));
  EXPECT_TRUE(contains(refusal(others), "has no class in common with the model"));
  DataSpec some;
  some.sources = {source(scratch / "set")};
  some.class_map = {{"a", "LABEL_2"}, {"b", ""}, {"c", ""}};
  EXPECT_EQ(ImageDataset::load(some, {numbered}).label(0), 2) << "what is named goes by its name";
}

TEST(Dataset, LeavesOutWhatTheMapDoesNotNameWhenAsked) {
  const Scratch scratch;
  write_set(scratch, "set", 4, 1);
  DataSpec spec;
  spec.sources = {source(scratch / "set")};
  spec.only_mapped = true;
  spec.class_map = {{"a", "x"}, {"b", "w"}, {"c", "x"}};
  const ImageDataset set = ImageDataset::load(spec, {});
  EXPECT_EQ(set.classes(), (Names{"w", "x"}));
  EXPECT_EQ(ids(set), (Names{"set/b/0.png", "set/a/0.png", "set/c/0.png"}));
}

TEST(Dataset, RefusesAClassMapForAClassThatIsNotThere) {
  const Scratch scratch;
  write_set(scratch, "set", 2, 1);
  DataSpec spec;
  spec.sources = {source(scratch / "set")};
  spec.class_map = {{"A", "x"}};
  EXPECT_TRUE(contains(message<UsageError>([&] { ImageDataset::load(spec, {}); }),
                       "the class map names 'A'"));
  spec.class_map = {{"a", ""}, {"b", ""}};
  EXPECT_TRUE(contains(message<UsageError>([&] { ImageDataset::load(spec, {}); }),
                       "leaves out every image"));
}

TEST(Dataset, ListsAllUnknownClasses) {
  const Scratch scratch;
  write_set(scratch, "set", 3, 1);
  const std::string text = message<UsageError>([&] {
    load({source(scratch / "set")}, {{"a", "z"}});
  });
  EXPECT_TRUE(contains(text, "the class 'b'"));
  EXPECT_TRUE(contains(text, "Also unknown: 'c'"));
}

TEST(Dataset, ThrowsTheFirstUnreadableImageInRowOrderForAnyNumberOfThreads) {
  const Scratch scratch;
  write_set(scratch, "set", 3, 20);
  scratch.write("set/b/07.png", "not an image");
  scratch.write("set/b/19.png", "not an image");
  scratch.write("set/c/0.png", "not an image");
  for (const int count : {1, 2, 7}) {
    set_threads(count);
    EXPECT_TRUE(contains(message<FormatError>([&] { load(scratch / "set"); }), "set/b/07.png"));
  }
  set_threads(machine_cores());
}

TEST(Dataset, SkipsAndCountsUnreadableImagesWhenAsked) {
  const Scratch scratch;
  write_set(scratch, "set", 2, 3);
  scratch.write("set/a/1.png", "not an image");
  DataSpec spec;
  spec.sources = {source(scratch / "set")};
  spec.skip_unreadable = true;
  const ImageDataset set = ImageDataset::load(spec, {});
  EXPECT_EQ(set.skipped(), 1);
  EXPECT_EQ(ids(set),
            (Names{"set/a/0.png", "set/a/2.png", "set/b/0.png", "set/b/1.png", "set/b/2.png"}));
  EXPECT_EQ(set.image(1)->rgb, picture(2).rgb);
  for (int i = 0; i < 3; ++i) scratch.write("set/a/" + std::to_string(i) + ".png", "");
  EXPECT_TRUE(contains(message<FormatError>([&] { ImageDataset::load(spec, {}); }),
                       "none of the images of the class 'a' can be read; the first: " +
                           (scratch / "set/a/0.png").string() + ": the file is empty"));
  for (int i = 0; i < 3; ++i) scratch.write("set/b/" + std::to_string(i) + ".png", "no");
  EXPECT_TRUE(contains(message<FormatError>([&] { ImageDataset::load(spec, {}); }),
                       "none of the set's images can be read; the first: " +
                           (scratch / "set/a/0.png").string() + ": the file is empty"));
}

TEST(Dataset, KeepsPicturesWithinTheBudgetAndDecodesTheOthersAgain) {
  const Scratch scratch;
  write_set(scratch, "set", 2, 3);
  write_tar(scratch / "set.tar", {{"a/0.png", png(0)}, {"b/0.png", png(100)}});
  for (const char* name : {"set", "set.tar"}) {
    const ImageDataset set = load({source(scratch / name)}, {{}, 4 * 6 * 3});
    EXPECT_EQ(set.image(0), set.image(0)) << "shared";
    EXPECT_NE(set.image(1), set.image(1)) << "decoded at each use";
    EXPECT_EQ(set.image(set.size() - 1)->rgb, picture(name[3] ? 100 : 102).rgb);
  }
}

TEST(Dataset, SubsetsShareThePixels) {
  const Scratch scratch;
  write_set(scratch, "set", 2, 2);
  const ImageDataset set = load(scratch / "set");
  const ImageDataset part = set.subset(Rows{3, 0});
  EXPECT_EQ(ids(part), (Names{"set/b/1.png", "set/a/0.png"}));
  EXPECT_EQ(part.classes(), set.classes());
  EXPECT_EQ(part.label(0), 1);
  EXPECT_EQ(part.image(0), set.image(3));
  EXPECT_EQ(part.subset(Rows{1}).image(0), set.image(0));
}

TEST(Dataset, C08_CountsTestImagesThatAreAlsoInTrain) {
  const Scratch scratch;
  write_set(scratch, "train", 2, 5);
  write_set(scratch, "test", 2, 5, 1);  // 0..4 and 1..5: four shared in each class
  EXPECT_EQ(shared_images(load(scratch / "train"), load(scratch / "test")), 8);
  EXPECT_EQ(shared_images(load(scratch / "train"), load(scratch / "train")), 10);
}

TEST(Dataset, KeepsPreparedViewsWithinTheBudget) {
  const Scratch scratch;
  write_set(scratch, "set", 2, 2);
  Preprocessing small;
  small.resize_exact = true;
  small.resize_height = small.resize_width = small.crop_height = small.crop_width = 2;
  const std::uint64_t decoded = 4 * 4 * 6 * 3, view = 2 * 2 * 3;
  const ImageDataset set = load({source(scratch / "set")}, {{}, decoded + 2 * view});
  EXPECT_EQ(set.view(0, small), set.view(0, small));
  EXPECT_EQ(set.view(3, small), set.subset(Rows{3}).view(0, small));
  EXPECT_NE(set.view(1, small), set.view(1, small)) << "no room any more";
  EXPECT_EQ(set.view(1, small)->rgb, prepare(picture(1), small).rgb);
  Preprocessing other = small;
  other.mean = {0, 0, 0};
  EXPECT_EQ(set.view(0, small), set.view(0, other)) << "mean and std come later";
  Preprocessing same = small;
  same.resize_height = same.crop_height = 4;
  same.resize_width = same.crop_width = 6;
  EXPECT_EQ(set.view(1, same), set.image(1)) << "a picture of the right size is its own view";
}

TEST(SplitIndices, HoldsOutAFractionOfEveryClass) {
  const Scratch scratch;
  write_set(scratch, "set", 3, 10);
  const ImageDataset set = load(scratch / "set");
  const auto [rest, held_out] = split_indices(set, 0.25, 1);
  EXPECT_EQ(held_out.size(), 9u);  // 2.5 rounds to 3
  EXPECT_TRUE(std::is_sorted(rest.begin(), rest.end()));
  EXPECT_TRUE(std::is_sorted(held_out.begin(), held_out.end()));
  std::set<std::int64_t> all(rest.begin(), rest.end());
  all.insert(held_out.begin(), held_out.end());
  EXPECT_EQ(all.size(), 30u);
  for (int label = 0; label < 3; ++label) {
    EXPECT_EQ(std::count_if(held_out.begin(), held_out.end(),
                            [&](std::int64_t row) { return set.label(row) == label; }),
              3);
  }
  EXPECT_EQ(split_indices(set, 0.25, 1).second, held_out);
  EXPECT_NE(split_indices(set, 0.25, 2).second, held_out);
}

TEST(SplitIndices, HoldsOutAtLeastOneAndNeverAllOfAClass) {
  const Scratch scratch;
  write_set(scratch, "set", 2, 2);
  scratch.write("set/c/0.png", png(9));
  const ImageDataset set = load(scratch / "set");
  EXPECT_EQ(split_indices(set, 0.01, 1).second.size(), 2u);
  EXPECT_EQ(split_indices(set, 0.99, 1).second.size(), 2u);
}

TEST(SplitIndices, RefusesFractionsThatLeaveNothing) {
  const Scratch scratch;
  write_set(scratch, "set", 2, 1);
  const ImageDataset set = load(scratch / "set");
  for (const double fraction : {0.0, 1.0, -0.5, std::nan("")}) {
    EXPECT_THROW(split_indices(set, fraction, 1), UsageError) << fraction;
  }
  EXPECT_TRUE(contains(message<UsageError>([&] { split_indices(set, 0.5, 1); }),
                       "pictures of 2 classes, and no class has two"));
}

// The held-out part would hold copies of what is trained on.
TEST(SplitIndices, RefusesASetThatShowsAPictureTwice) {
  const Scratch scratch;
  write_set(scratch, "set", 2, 3);
  const SourceSpec clean = source(scratch / "set");
  SourceSpec dim = clean, blurred = clean;
  dim.corruptions = parse_corruption("contrast:5");
  blurred.corruptions = parse_corruption("gaussian_blur:1");
  const auto problem = [](const std::vector<SourceSpec>& sources) {
    return message<UsageError>([&] { split_indices(load(sources), 0.5, 1); });
  };
  EXPECT_TRUE(contains(problem({clean, dim}), "@contrast:5' show the same picture"));
  EXPECT_TRUE(contains(problem({dim, blurred}), "show the same picture"));
  EXPECT_EQ(problem({dim}), "");
}

}  // namespace
}  // namespace stockpot
