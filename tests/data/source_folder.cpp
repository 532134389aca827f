#include <gtest/gtest.h>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "tests/data/scratch.h"

namespace stockpot {
namespace {

using Names = std::vector<std::string>;

std::string problem(const fs::path& path) {
  return message<FormatError>([&] { load(path); });
}

TEST(ImageFolder, SortsClassesAndFilesByBytes) {
  const Scratch scratch;
  scratch.write("pets/dog/b.png", png(1));
  scratch.write("pets/dog/B.png", png(2));
  scratch.write("pets/Cat/z.png", png(3));
  scratch.write("pets/dog/young/a.PNG", png(4));
  const ImageDataset set = load(scratch / "pets");
  EXPECT_EQ(set.classes(), (Names{"Cat", "dog"}));
  EXPECT_EQ(ids(set),
            (Names{"pets/Cat/z.png", "pets/dog/B.png", "pets/dog/b.png", "pets/dog/young/a.PNG"}));
  EXPECT_EQ(set.label(0), 0);
  EXPECT_EQ(set.label(3), 1);
  EXPECT_EQ(set.groups(), Names{"pets"});
  EXPECT_EQ(set.image(3)->rgb, picture(4).rgb);
}

TEST(ImageFolder, IgnoresDotFilesOtherFilesAndFilesBesideTheClasses) {
  const Scratch scratch;
  scratch.write("set/a/1.png", png(1));
  scratch.write("set/a/._1.png", "junk");
  scratch.write("set/a/notes.txt", "junk");
  scratch.write("set/a/.cache/2.png", "junk");
  scratch.write("set/b/1.png", png(2));
  scratch.write("set/.hidden/1.png", "junk");
  scratch.write("set/preview.png", "junk");
  EXPECT_EQ(ids(load(scratch / "set/")), (Names{"set/a/1.png", "set/b/1.png"}));
}

TEST(ImageFolder, C07_TakesStrangeClassNamesAsTheyAre) {
  const Scratch scratch;
  const Names names{"\"; x",
                    "<script>alert(1)<script>",
                    "Dog",
                    "a\nb",
                    "dog",
                    std::string(255, 'x'),
                    "\xd7\x90\xe2\x80\xae",
                    "\xff\xfe"};
  for (const std::string& name : names) scratch.write("set/" + name + "/1.png", png(1));
  const ImageDataset set = load(scratch / "set");
  EXPECT_EQ(set.classes(), names);
  EXPECT_EQ(set.id(7), "set/\xff\xfe/1.png");
}

TEST(ImageFolder, C07_ShowsStrangeClassNamesEscapedInErrors) {
  const Scratch scratch;
  scratch.write("set/a\x1b]0;b\n/1.png", png(1));
  const std::string text = message<UsageError>([&] {
    load({source(scratch / "set")}, {{"x", "y"}});
  });
  EXPECT_NE(text, "");
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
}

TEST(ImageFolder, C08_RefusesALoopOfLinks) {
  const Scratch scratch;
  scratch.write("set/a/1.png", png(1));
  fs::create_directory_symlink("..", scratch / "set/a/up");
  EXPECT_TRUE(contains(problem(scratch / "set"), "loop of links"));
  fs::remove(scratch / "set/a/up");
  fs::create_symlink("self", scratch / "set/a/self");
  EXPECT_TRUE(contains(problem(scratch / "set"), "leads back to itself"));
}

TEST(ImageFolder, FollowsLinksThatAreNoLoop) {
  const Scratch scratch;
  scratch.write("set/a/1.png", png(1));
  scratch.write("elsewhere/2.png", png(2));
  fs::create_directory_symlink(scratch / "elsewhere", scratch / "set/b");
  fs::create_symlink(scratch / "elsewhere/2.png", scratch / "set/a/2.png");
  EXPECT_EQ(ids(load(scratch / "set")), (Names{"set/a/1.png", "set/a/2.png", "set/b/2.png"}));
}

TEST(ImageFolder, RefusesALinkThatLeadsNowhere) {
  const Scratch scratch;
  scratch.write("set/a/1.png", png(1));
  fs::create_symlink("missing", scratch / "set/b");
  EXPECT_TRUE(contains(problem(scratch / "set"), "set/b: this link leads nowhere"));
}

TEST(ImageFolder, C08_NamesTheClassFolderThatIsEmpty) {
  const Scratch scratch;
  scratch.write("set/a/1.png", png(1));
  scratch.write("set/b/notes.txt", "none");
  EXPECT_TRUE(contains(problem(scratch / "set"), "set/b: this class folder holds no images"));
}

TEST(ImageFolder, C08_RefusesASingleClassUnlessTheModelNamesTheClasses) {
  const Scratch scratch;
  scratch.write("set/a/1.png", png(1));
  EXPECT_TRUE(
      contains(message<UsageError>([&] { load(scratch / "set"); }), "the only class is 'a'"));
  EXPECT_EQ(load({source(scratch / "set")}, {{"b", "a"}}).label(0), 1);
}

TEST(ImageFolder, RefusesAFolderWithoutClasses) {
  const Scratch scratch;
  scratch.write("set/1.png", png(1));
  EXPECT_TRUE(contains(problem(scratch / "set"), "no class folders"));
}

TEST(ImageFolder, SaysThatAPathIsMissingOrOfNoKnownKind) {
  const Scratch scratch;
  const auto usage = [](const fs::path& path) { return message<UsageError>([&] { load(path); }); };
  EXPECT_TRUE(contains(usage(scratch / "nowhere"), "nowhere: this data source does not exist"));
  EXPECT_TRUE(contains(usage(scratch.write("data.zip", "PK")), "expected a folder, .tar"));
}

TEST(ImageFolder, ExplainsThatASplitNeedsATable) {
  const Scratch scratch;
  scratch.write("set/a/1.png", png(1));
  SourceSpec spec = source(scratch / "set");
  spec.split = "train";
  EXPECT_TRUE(contains(message<UsageError>([&] { load({spec}); }), "add splits=FILE.csv"));
}

}  // namespace
}  // namespace stockpot
