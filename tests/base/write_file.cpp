// Outputs that appear whole or not at all, and the lock on a folder.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>

#include "in_child.h"
#include "message_of.h"
#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/signals.h"
#include "temporary_folder.h"

namespace stockpot {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST(WriteFile, CreatesAndReplaces) {
  const TemporaryFolder folder;
  const fs::path target = folder.path() / "x";
  write_file(target, "one");
  write_file(target, "");
  EXPECT_EQ(read_file(target), "");
  write_file(target, "two");
  EXPECT_EQ(read_file(target), "two");
  EXPECT_EQ(folder.count(), 1u);
}

TEST(WriteFile, HonoursTheUmask) {
  const TemporaryFolder folder;
  const fs::path target = folder.path() / "x";
  EXPECT_EQ(in_child([&] {
              umask(077);
              write_file(target, "x");
              struct stat status;
              return stat(target.c_str(), &status) == 0 && (status.st_mode & 0777) == 0600 ? 0 : 1;
            }),
            0);
}

TEST(WriteFile, F19_TakesAnyNameThatTheSystemTakes) {
  const TemporaryFolder folder;
  for (const std::string& name :
       {std::string(255, 'n'), std::string("a b\n$X~"), std::string("-x"), std::string("\xFF")}) {
    write_file(folder.path() / name, name);
    EXPECT_EQ(read_file(folder.path() / name), name);
  }
}

TEST(WriteFile, TakesABareNameInTheCurrentFolder) {
  const TemporaryFolder folder;
  EXPECT_EQ(in_child([&] {
              fs::current_path(folder.path());
              write_file("bare", "x");
              return read_file("bare") == "x" ? 0 : 1;
            }),
            0);
}

TEST(WriteFile, StreamsAndCutsWhatWasReservedInVain) {
  const TemporaryFolder folder;
  const fs::path target = folder.path() / "x";
  write_file(target, 1000, [](const ByteSink& sink) {
    sink(bytes_of("one"));
    sink(bytes_of("two"));
  });
  EXPECT_EQ(read_file(target), "onetwo");
  write_file(target, 2, [](const ByteSink& sink) { sink(bytes_of("longer")); });
  EXPECT_EQ(read_file(target), "longer");
}

TEST(WriteFile, AnExceptionLeavesTheOldFileAndNothingElse) {
  const TemporaryFolder folder;
  const fs::path target = folder.put("x", "old");
  EXPECT_THROW(write_file(target, 6,
                          [](const ByteSink& sink) {
                            sink(bytes_of("new"));
                            throw std::runtime_error("changed my mind");
                          }),
               std::runtime_error);
  EXPECT_EQ(read_file(target), "old");
  EXPECT_EQ(folder.count(), 1u);
}

TEST(WriteFile, E01_AFullDiskIsMetBeforeWriting) {
  const TemporaryFolder folder;
  const fs::path target = folder.put("x", "old");
  bool called = false;
  const std::string message = message_of<WriteError>(
      [&] { write_file(target, std::uint64_t{1} << 60, [&](const ByteSink&) { called = true; }); });
  EXPECT_EQ(message, target.string() + ": cannot reserve 1.15 EB: No space left on device");
  EXPECT_FALSE(called);
  EXPECT_EQ(read_file(target), "old");
  EXPECT_EQ(folder.count(), 1u);
}

// How many bytes fit the limit, and whether the size is known before.
void expect_clean_failure_at_size_limit(std::uint64_t announced) {
  const TemporaryFolder folder;
  const fs::path target = folder.put("x", "old");
  EXPECT_EQ(in_child([&] {
              install_signal_handlers();
              const rlimit limit = {5000, 5000};
              if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
              const std::string big(10'000, 'x');
              const std::string message = message_of<WriteError>([&] {
                write_file(target, announced, [&](const ByteSink& sink) { sink(bytes_of(big)); });
              });
              return message.ends_with(": File too large") ? 0 : 2;
            }),
            0);
  EXPECT_EQ(read_file(target), "old");
  EXPECT_EQ(folder.count(), 1u);
}

TEST(WriteFile, E05_FileSizeLimitWhenReserving) { expect_clean_failure_at_size_limit(10'000); }

TEST(WriteFile, E05_FileSizeLimitWhenWriting) { expect_clean_failure_at_size_limit(0); }

// Root may write anywhere: the child gives its rights up first.
TEST(WriteFile, E04_SaysThatTheFolderIsReadOnly) {
  const TemporaryFolder folder;
  const fs::path target = folder.put("x", "old");
  ASSERT_EQ(chmod(folder.path().c_str(), 0555), 0);
  EXPECT_EQ(in_child([&] {
              if (geteuid() == 0 && setuid(65534) != 0) return 1;
              const std::string wanted =
                  target.string() + ": cannot create a file in this folder: Permission denied";
              return message_of<WriteError>([&] { write_file(target, "x"); }) == wanted ? 0 : 2;
            }),
            0);
  ASSERT_EQ(chmod(folder.path().c_str(), 0755), 0);
  EXPECT_EQ(read_file(target), "old");
}

TEST(WriteFile, E04_RefusesAFolderAsTarget) {
  const TemporaryFolder folder;
  fs::create_directory(folder.path() / "x");
  EXPECT_THROW(write_file(folder.path() / "x", "x"), WriteError);
  EXPECT_THROW(write_file(folder.path() / "absent" / "x", "x"), WriteError);
  EXPECT_EQ(folder.count(), 1u);
}

TEST(PendingFolder, AppearsByOneRename) {
  const TemporaryFolder folder;
  const fs::path target = folder.path() / "out";
  PendingFolder pending(target / "");  // a trailing slash changes nothing
  fs::create_directory(pending.path() / "sub");
  write_file(pending.path() / "sub" / "x", "x");
  EXPECT_FALSE(fs::exists(target));
  pending.publish();
  EXPECT_EQ(read_file(target / "sub" / "x"), "x");
  EXPECT_EQ(folder.count(), 1u);
}

TEST(PendingFolder, RemovesWhatWasNotPublished) {
  const TemporaryFolder folder;
  {
    const PendingFolder pending(folder.path() / "out");
    write_file(pending.path() / "x", "x");
  }
  EXPECT_EQ(folder.count(), 0u);
}

TEST(PendingFolder, D15_ReplacesOnlyWhenAsked) {
  const TemporaryFolder folder;
  const fs::path target = folder.path() / "out";
  fs::create_directory(target);
  write_file(target / "old", "old");
  {
    PendingFolder pending(target);
    write_file(pending.path() / "new", "new");
    EXPECT_EQ(message_of<WriteError>([&] { pending.publish(); }),
              target.string() + ": cannot put the finished folder in place: File exists");
    EXPECT_TRUE(fs::exists(target / "old"));
    pending.publish(true);
  }
  EXPECT_FALSE(fs::exists(target / "old"));
  EXPECT_EQ(read_file(target / "new"), "new");
  EXPECT_EQ(folder.count(), 1u);
}

TEST(PendingFolder, SaysThatTheParentIsMissing) {
  const TemporaryFolder folder;
  EXPECT_THROW(PendingFolder(folder.path() / "absent" / "out"), WriteError);
}

TEST(FolderLock, F07_TheSecondHolderIsToldWhoTheFirstIs) {
  const TemporaryFolder folder;
  const FolderLock lock(folder.path());
  const std::string message =
      message_of<BusyError>([&] { const FolderLock second(folder.path()); });
  EXPECT_TRUE(message.starts_with(folder.path().string() + ": in use by ")) << message;
  EXPECT_NE(message.find(" process " + std::to_string(getpid()) + ", since "), std::string::npos)
      << message;
}

TEST(FolderLock, CanBeTakenAgainAfterRelease) {
  const TemporaryFolder folder;
  for (int i = 0; i < 2; ++i) const FolderLock lock(folder.path());
  EXPECT_THROW(FolderLock(folder.path() / "absent"), WriteError);
}

TEST(FolderLock, F07_IsReleasedWhenItsProcessIsKilled) {
  const TemporaryFolder folder;
  EXPECT_EQ(in_child([&] {
              const FolderLock lock(folder.path());
              raise(SIGKILL);
              return 0;
            }),
            128 + SIGKILL);
  EXPECT_NO_THROW(FolderLock(folder.path()));
}

}  // namespace
}  // namespace stockpot
