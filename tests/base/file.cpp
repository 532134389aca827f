#include "stockpot/base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "in_child.h"
#include "message_of.h"
#include "stockpot/base/error.h"
#include "stockpot/base/pages.h"
#include "stockpot/base/posix.h"
#include "temporary_folder.h"

namespace stockpot {
namespace {

TEST(ReadFile, ReadsEveryByte) {
  const TemporaryFolder folder;
  const std::string bytes("a\0\xFF\n", 4);
  EXPECT_EQ(read_file(folder.put("x", bytes)), bytes);
  EXPECT_EQ(read_file(folder.put("empty", "")), "");
  EXPECT_FALSE(read_file("/proc/self/status").empty());  // claims to have size 0
}

TEST(ReadFile, SaysWhyItCannotRead) {
  const TemporaryFolder folder;
  const fs::path absent = folder.path() / "absent";
  EXPECT_EQ(message_of<FormatError>([&] { read_file(absent); }),
            absent.string() + ": cannot read: No such file or directory");
  EXPECT_EQ(message_of<FormatError>([&] { read_file(folder.path()); }),
            folder.path().string() + ": is a folder, expected a file");
  const fs::path fifo = folder.path() / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(message_of<FormatError>([&] { read_file(fifo); }),
            fifo.string() + ": is a pipe, socket or device, expected a regular file");
  EXPECT_THROW(read_file("/dev/zero"), FormatError);
}

TEST(ReadFile, StopsAtItsLimit) {
  const TemporaryFolder folder;
  const fs::path file = folder.put("x", "12345");
  EXPECT_EQ(read_file(file, 5), "12345");
  EXPECT_EQ(message_of<FormatError>([&] { read_file(file, 4); }),
            file.string() + ": has more than 4 bytes, the most that is read here");
  EXPECT_THROW(read_file("/proc/self/status", 10), FormatError);
}

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(MappedFile, ShowsTheBytesAndMoves) {
  const TemporaryFolder folder;
  MappedFile first(folder.put("x", "hello"));
  EXPECT_EQ(text_of(first), "hello");
  MappedFile second = std::move(first);
  EXPECT_EQ(text_of(second), "hello");
  MappedFile third(folder.put("y", "other"));
  third = std::move(second);
  EXPECT_EQ(text_of(third), "hello");
  EXPECT_EQ(third.path().filename(), "x");
  EXPECT_TRUE(MappedFile(folder.put("empty", "")).bytes().empty());
}

TEST(MappedFile, ReleasedPagesComeBackAndOtherMemoryStays) {
  const TemporaryFolder folder;
  std::string text(300'000, 'a');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);
  const MappedFile first(folder.put("x", text)), second(folder.put("y", text));
  const std::vector<std::byte> own(300'000, std::byte{7});
  EXPECT_EQ(text_of(first), text);
  EXPECT_EQ(text_of(second), text);
  const std::vector<std::span<const std::byte>> pieces{
      first.bytes(), own, second.bytes().subspan(5, 200'000), second.bytes().first(0)};
  release_pages(pieces);
  release_pages(pieces, kNeighbours);
  EXPECT_EQ(text_of(first), text);
  EXPECT_EQ(text_of(second), text);
  EXPECT_EQ(std::ranges::count(own, std::byte{7}), 300'000);
}

TEST(MappedFile, RefusesWhatIsNotARegularFile) {
  const TemporaryFolder folder;
  EXPECT_THROW(MappedFile(folder.path() / "absent"), FormatError);
  EXPECT_THROW(MappedFile(folder.path()), FormatError);
  EXPECT_THROW(MappedFile("/dev/null"), FormatError);
  const fs::path fifo = folder.path() / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THROW(MappedFile{fifo}, FormatError);
}

TEST(MappedFile, A19_AFileThatShrinksEndsTheProgramWithThree) {
  const TemporaryFolder folder;
  const fs::path file = folder.put("x", std::string(100'000, 'x'));
  const fs::path errors = folder.path() / "errors";
  EXPECT_EQ(in_child([&] {
              if (freopen(errors.c_str(), "w", stderr) == nullptr) return 1;
              const MappedFile gone(folder.put("y", "y"));
              const MappedFile map(file);
              fs::resize_file(file, 10);
              const volatile std::byte* last = &map.bytes()[99'999];
              return static_cast<int>(*last);
            }),
            3);
  EXPECT_EQ(read_file(errors), "stockpot: " + file.string() +
                                   ": became shorter or unreadable while it was being read\n");
}

TEST(MappedFile, A19_AFileThatIsReplacedKeepsItsOldBytes) {
  const TemporaryFolder folder;
  const fs::path file = folder.put("x", "old");
  const MappedFile map(file);
  write_file(file, "newer");
  EXPECT_EQ(text_of(map), "old");
}

TEST(AppendLine, AddsWholeLines) {
  const TemporaryFolder folder;
  const fs::path log = folder.path() / "log";
  append_line(log, "one");
  append_line(log, "two");
  EXPECT_EQ(read_file(log), "one\ntwo\n");
  EXPECT_THROW(append_line(folder.path() / "absent" / "log", "x"), WriteError);
}

TEST(AppendLine, D12_KeepsApartFromATornLine) {
  const TemporaryFolder folder;
  const fs::path log = folder.put("log", "one\ntw");
  append_line(log, "three");
  EXPECT_EQ(read_file(log), "one\ntw\nthree\n");
}

TEST(RemoveLeftovers, D08_RemovesOnlyWhatDeadProcessesLeft) {
  const TemporaryFolder folder;
  ASSERT_EQ(in_child([&] {
              PendingFolder pending(folder.path() / "out");
              std::ofstream(pending.path() / "part") << "x";
              std::ofstream(temporary_beside(folder.path() / "a.tmp.5.b")) << "x";
              _exit(0);  // as if killed: nothing is cleaned up
              return 0;
            }),
            0);
  ASSERT_EQ(folder.count(), 2u);
  folder.put(temporary_beside("alive").string(), "x");
  // A process of another machine or boot, and names that are not ours.
  for (const char* name :
       {".x.tmp.999999999.0123456700", ".x.tmp.999999999", "x.tmp.1.2", ".tmp."}) {
    folder.put(name, "x");
  }
  remove_leftovers(folder.path());
  EXPECT_EQ(folder.count(), 5u);
  remove_leftovers(folder.path() / "absent");
}

}  // namespace
}  // namespace stockpot
