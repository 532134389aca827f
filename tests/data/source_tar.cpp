#include <gtest/gtest.h>
#include <locale.h>
#include <zlib.h>

#include <fstream>

#include "stockpot/base/error.h"
#include "tests/data/scratch.h"

namespace stockpot {
namespace {

using Names = std::vector<std::string>;

std::string problem(const fs::path& path) {
  return message<FormatError>([&] { load(path); });
}

std::string problem(const Scratch& scratch, const Member& member) {
  write_tar(scratch / "x.tar", {{"a/1.png", png(1)}, {"b/1.png", png(2)}, member});
  return problem(scratch / "x.tar");
}

std::string slurp(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Tar, ReadsPlainGzipAndZstdArchives) {
  const Scratch scratch;
  const std::vector<Member> members{{"photo/", "", AE_IFDIR},
                                    {"photo/dog/2.png", png(2)},
                                    {"photo/dog/1.png", png(1)},
                                    {"photo/cat/1.png", png(3)}};
  write_tar(scratch / "p.tar", members);
  write_tar(scratch / "p.tar.gz", members, ARCHIVE_FILTER_GZIP);
  write_tar(scratch / "p.tar.zst", members, ARCHIVE_FILTER_ZSTD);
  for (const char* name : {"p.tar", "p.tar.gz", "p.tar.zst"}) {
    const ImageDataset set = load(scratch / name);
    EXPECT_EQ(set.classes(), (Names{"cat", "dog"})) << name;
    EXPECT_EQ(ids(set), (Names{"p/photo/cat/1.png", "p/photo/dog/1.png", "p/photo/dog/2.png"}));
    EXPECT_EQ(set.groups(), Names{"p"});
    EXPECT_EQ(set.image(1)->rgb, picture(1).rgb);
  }
}

TEST(Tar, ReadsMembersBelowADotAndIgnoresDotFiles) {
  const Scratch scratch;
  write_tar(scratch / "p.tar", {{"./a/1.png", png(1)},
                                {"./a/._1.png", "junk"},
                                {"./.git/x/1.png", "junk"},
                                {"./top.png", "junk"},
                                {"./a/readme.txt", "junk"},
                                {"./b/1.png", png(2)}});
  EXPECT_EQ(ids(load(scratch / "p.tar")), (Names{"p/a/1.png", "p/b/1.png"}));
}

TEST(Tar, ADotWithinANameIsNoHiddenFolder) {
  const Scratch scratch;
  write_tar(scratch / "p.tar", {{"data/./a/1.png", png(1)}, {"data/b/./1.png", png(2)}});
  const ImageDataset set = load(scratch / "p.tar");
  EXPECT_EQ(ids(set), (Names{"p/data/a/1.png", "p/data/b/1.png"}));
  EXPECT_EQ(set.classes(), (Names{"a", "b"}));
}

TEST(Tar, C07_TakesStrangeClassNamesInEveryTarFormat) {
  const Scratch scratch;
  const Names names{"a\nb", std::string(200, 'x'), "\xc3\xa9t\xc3\xa9 \xf0\x9f\x8f\x96"};
  for (const int format : {ARCHIVE_FORMAT_TAR_GNUTAR, ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE}) {
    std::vector<Member> members;
    for (const std::string& name : names) members.push_back({name + "/1.png", png(1)});
    write_tar(scratch / "p.tar", members, ARCHIVE_FILTER_NONE, format);
    EXPECT_EQ(load(scratch / "p.tar").classes(), names) << format;
  }
  write_tar(scratch / "p.tar", {{"a/1.png", png(1)}, {"\xff\xfe/1.png", png(1)}});
  EXPECT_EQ(load(scratch / "p.tar").classes(), (Names{"a", "\xff\xfe"}));
}

// In a program that called setlocale() libarchive would compose them.
TEST(Tar, C07_NamesAreTheSameInEveryLocale) {
  const Scratch scratch;
  const std::string before = setlocale(LC_ALL, nullptr);
  if (!setlocale(LC_ALL, "C.UTF-8")) GTEST_SKIP() << "no locale C.UTF-8";
  const Names names{"e\xcc\x81t", "\xc3\xa9t"};  // with an accent of its own, and composed
  write_tar(scratch / "p.tar", {{names[0] + "/1.png", png(1)}, {names[1] + "/1.png", png(2)}},
            ARCHIVE_FILTER_NONE, ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE);
  const ImageDataset set = load(scratch / "p.tar");
  const std::string after = setlocale(LC_ALL, nullptr);
  setlocale(LC_ALL, before.c_str());
  EXPECT_EQ(set.classes(), names);
  EXPECT_EQ(after, "C.UTF-8");
}

TEST(Tar, C15_RefusesNamesThatLeadOutOfTheArchive) {
  const Scratch scratch;
  EXPECT_TRUE(contains(problem(scratch, {"../c/1.png", png(1)}), "leads out of the archive"));
  EXPECT_TRUE(contains(problem(scratch, {"a/../../1.png", png(1)}), "leads out of the archive"));
  EXPECT_TRUE(contains(problem(scratch, {"/etc/a/1.png", png(1)}), "an absolute name"));
  EXPECT_TRUE(contains(problem(scratch, {"/etc/a/1.png", png(1)}),
                       "x.tar: member '/etc/a/1.png' at byte 2048"));
}

TEST(Tar, C15_RefusesLinksAndDevices) {
  const Scratch scratch;
  EXPECT_TRUE(
      contains(problem(scratch, {"a/2.png", "", AE_IFLNK, "/etc/passwd"}), "symbolic link"));
  EXPECT_TRUE(contains(problem(scratch, {"a/2.png", "", AE_IFREG, "a/1.png", true}), "hard link"));
  EXPECT_TRUE(contains(problem(scratch, {"a/2.png", "", AE_IFCHR}), "device"));
  EXPECT_TRUE(contains(problem(scratch, {"a/2.png", "", AE_IFIFO}), "pipe"));
}

TEST(Tar, C15_RefusesTwoMembersOfOneName) {
  const Scratch scratch;
  const std::string text = problem(scratch, {"./b/1.png", png(3)});
  EXPECT_TRUE(contains(text, "two samples have the id 'x/b/1.png'"));
  EXPECT_TRUE(contains(text, "at byte 1024"));
  EXPECT_TRUE(contains(text, "at byte 2048"));
}

TEST(Tar, C15_RefusesATruncatedArchiveAtEveryCut) {
  const Scratch scratch;
  write_tar(scratch / "p.tar.gz", {{"a/1.png", png(1)}, {"b/1.png", png(2)}}, ARCHIVE_FILTER_GZIP);
  const std::string whole = slurp(scratch / "p.tar.gz");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    scratch.write("q.tar.gz", whole.substr(0, size));
    const std::string text = problem(scratch / "q.tar.gz");
    EXPECT_NE(text, "") << size;
    EXPECT_FALSE(contains(text, "byte -")) << size;
  }
  write_tar(scratch / "p.tar", {{"a/1.png", png(1)}, {"b/1.png", png(2)}});
  scratch.write("q.tar", slurp(scratch / "p.tar").substr(0, 1024 + 512 + 20));
  EXPECT_TRUE(contains(problem(scratch / "q.tar"), "q.tar"));
}

// libarchive does not look at the checksum behind gzip data.
TEST(Tar, C15_RefusesGzipDataOfAnotherChecksum) {
  const Scratch scratch;
  write_tar(scratch / "p.tar.gz", {{"a/1.png", png(1)}, {"b/1.png", png(2)}}, ARCHIVE_FILTER_GZIP);
  const std::string whole = slurp(scratch / "p.tar.gz");
  for (const std::size_t from_end : {8u, 4u}) {  // CRC-32, length
    std::string changed = whole;
    changed[changed.size() - from_end] ^= 1;
    scratch.write("p.tar.gz", changed);
    EXPECT_TRUE(contains(problem(scratch / "p.tar.gz"), "p.tar.gz")) << from_end;
    EXPECT_TRUE(contains(problem(scratch / "p.tar.gz"), "damaged gzip data")) << from_end;
  }
}

TEST(Tar, ReadsGzipFilesOfSeveralMembers) {
  const Scratch scratch;
  write_tar(scratch / "a.tar", {{"a/1.png", png(1)}, {"b/1.png", png(2)}});
  const std::string tar = slurp(scratch / "a.tar");
  std::string zipped;
  for (const std::string& part : {tar.substr(0, 700), tar.substr(700)}) {
    const gzFile out = gzopen((scratch / "part.gz").c_str(), "wb");
    gzwrite(out, part.data(), static_cast<unsigned>(part.size()));
    gzclose(out);
    zipped += slurp(scratch / "part.gz");
  }
  EXPECT_EQ(load(scratch.write("p.tar.gz", zipped)).size(), 2);
  EXPECT_EQ(load(scratch.write("p.tar.gz", zipped + "and more")).size(), 2);
}

TEST(Tar, C15_RefusesADecompressionBomb) {
  const Scratch scratch;
  const std::string zeros(80'000'000, '\0');
  write_tar(scratch / "p.tar.gz", {{"a/1.png", zeros}}, ARCHIVE_FILTER_GZIP);
  EXPECT_TRUE(contains(problem(scratch / "p.tar.gz"), "more than a hundred times its size"));
  write_tar(scratch / "q.tar.gz", {{"notes", zeros}}, ARCHIVE_FILTER_GZIP);
  EXPECT_TRUE(contains(problem(scratch / "q.tar.gz"), "more than a hundred times its size"));
}

TEST(Tar, RefusesWhatIsNoTar) {
  const Scratch scratch;
  EXPECT_TRUE(contains(problem(scratch.write("a.tar", "hello")), "not a tar archive"));
  EXPECT_TRUE(contains(problem(scratch.write("b.tar", "")), "b.tar"));
  write_tar(scratch / "c.tar", {{"a/notes.txt", "none"}});
  EXPECT_TRUE(contains(problem(scratch / "c.tar"), "no images found"));
  write_tar(scratch / "d.tar", {{"a/1.png", png(1)}}, ARCHIVE_FILTER_XZ);
  EXPECT_TRUE(contains(problem(scratch / "d.tar"), "not a tar archive"));
}

TEST(Tar, NeverWritesToDisk) {
  const Scratch scratch;
  const fs::path file = scratch / "p.tar";
  write_tar(file, {{"a/1.png", png(1)}, {"b/1.png", png(2)}});
  load(file);
  EXPECT_EQ(std::distance(fs::directory_iterator(scratch.path()), fs::directory_iterator()), 1);
}

TEST(Tar, TakesOnlyTheSamplesOfTheWantedSplit) {
  const Scratch scratch;
  write_tar(scratch / "p.tar", {{"a/one.png", png(1)},
                                {"a/two.png", png(2)},
                                {"b/one.jpg", png(3)},
                                {"b/three.png", png(4)}});
  SourceSpec spec = source(scratch / "p.tar");
  spec.splits = scratch.write("splits.csv",
                              "emoji,name,group,split\nx,one,a,train\nx,two,a,test\n"
                              "x,one,b,train\n");
  spec.split = "train";
  EXPECT_EQ(ids(load({spec})), (Names{"p/a/one.png", "p/b/one.jpg"}));
  spec.split = "";  // whatever has a row
  EXPECT_EQ(load({spec}).size(), 3);
  spec.split = "val";
  EXPECT_TRUE(contains(message<UsageError>([&] { load({spec}); }),
                       "no row has the split 'val'; it has: 'test', 'train'"));
}

TEST(Tar, SaysWhenNoSampleHasARowInTheSplitsFile) {
  const Scratch scratch;
  write_tar(scratch / "p.tar", {{"a/1.png", png(1)}, {"b/1.png", png(2)}});
  SourceSpec spec = source(scratch / "p.tar");
  spec.splits = scratch.write("s.csv", "name,group,split\n1.png,a,train\n");
  spec.split = "train";
  EXPECT_TRUE(
      contains(message<UsageError>([&] { load({spec}); }), "none of its 2 images has a row"));
  spec.splits = scratch.write("t.csv", "name,group,split\n1,a,train\n1,a,test\n");
  EXPECT_TRUE(contains(message<FormatError>([&] { load({spec}); }), "t.csv:3: a second row"));
  spec.splits = scratch / "missing.csv";
  EXPECT_TRUE(contains(message<UsageError>([&] { load({spec}); }), "splits file does not exist"));
}

}  // namespace
}  // namespace stockpot
