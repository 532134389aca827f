// Full disks and folders that cannot be written.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>
#include <iostream>
#include <new>

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "support.h"

namespace stockpot {
namespace {

constexpr int kSkip = 77;

void run_all(const fs::path& sweep, const RunTrial& run, const WorkerOptions& options = quick()) {
  Silence silence;
  work(sweep, numbered_trials(2), run, options, silence);
}

// What a worker says when it cannot write; "" when it can.
std::string write_error(const fs::path& sweep, const RunTrial& run) {
  try {
    run_all(sweep, run);
    return "";
  } catch (const WriteError& error) {
    return error.what();
  }
}

int expect(bool truth, const std::string& told) {
  if (!truth) std::cerr << told << "\n";
  return truth ? 0 : 1;
}

TEST(Faults, E01_E02_AFullDiskEndsTheWorkerAndTheTrialGoesOnWhenThereIsRoom) {
  const int code = in_child([] {
    TemporaryFolder folder;
    if (unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=256k") != 0)
      return kSkip;
    const fs::path filler = folder.path() / "filler";
    const RunTrial filling = [&](const Trial&, TrialRun&) {
      std::ofstream stream(filler, std::ios::binary);
      while (stream.write("0123456789abcdef", 16).flush()) {
      }
      return result_of(0);
    };
    const std::string told = write_error(folder.path(), filling);
    const TrialRecord record = read_trial(folder.path() / "runs/t000");
    int wrong = expect(told.find("No space left on device") != std::string::npos, told);
    wrong += expect(!record.done && record.failures() == 0, "the full disk counted as a failure");
    fs::remove(filler);
    // The claim could not be ended, and its process, this one, lives.
    WorkerOptions impatient = quick();
    impatient.heartbeat.stale_after = milliseconds(200);
    run_all(folder.path(), numbered_run(), impatient);
    wrong += expect(Json::read(folder.path() / "runs/t000/result.json") == result_of(0), "result");
    umount(folder.path().c_str());
    return wrong;
  });
  if (code == kSkip) GTEST_SKIP() << "may not mount a small file system here";
  EXPECT_EQ(code, 0);
}

TEST(Faults, E05_AFileSizeLimitIsAnErrorNotADeath) {
  const int code = in_child([] {
    install_signal_handlers();
    TemporaryFolder folder;
    const RunTrial limiting = [](const Trial&, TrialRun&) {
      const rlimit none{0, RLIM_INFINITY};
      setrlimit(RLIMIT_FSIZE, &none);
      return result_of(0);
    };
    const std::string told = write_error(folder.path(), limiting);
    return expect(told.find("File too large") != std::string::npos, told);
  });
  EXPECT_EQ(code, 0);
}

TEST(Faults, E04_AReadOnlyFolderIsOneClearLine) {
  TemporaryFolder folder;
  fs::create_directories(folder.path() / "runs");
  chmod((folder.path() / "runs").c_str(), 0555);
  chmod(folder.path().c_str(), 0755);
  const int code = in_child([&] {
    // Root may write everywhere.
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) return kSkip;
    const std::string told = write_error(folder.path(), numbered_run());
    return expect(told == (folder.path() / "runs/t000/attempts/0001").string() +
                              ": cannot create: Permission denied",
                  told);
  });
  if (code == kSkip) GTEST_SKIP() << "may not become another user";
  EXPECT_EQ(code, 0);
}

TEST(Faults, E06_RunningOutOfMemoryIsAFailedAttempt) {
  TemporaryFolder folder;
  run_all(folder.path(), [](const Trial&, TrialRun&) -> Json { throw std::bad_alloc(); });
  EXPECT_EQ(read_trial(folder.path() / "runs/t001").attempts.at(2).reason, "out of memory");
}

TEST(Faults, ADamagedOutcomeCountsAsADeath) {
  TemporaryFolder folder;
  run_all(folder.path(), [](const Trial&, TrialRun& run) -> Json {
    if (run.attempt() > 1) return result_of(0);
    throw std::runtime_error("once");
  });
  folder.put("runs/t000/attempts/0001/outcome.json", "{\"ending\": \"fa");
  fs::remove(folder.path() / "runs/t000/result.json");
  const TrialRecord record = read_trial(folder.path() / "runs/t000");
  EXPECT_EQ(record.attempts[0].ending, Ending::died);
  EXPECT_EQ(record.failures(), 1);
}

}  // namespace
}  // namespace stockpot
