// A worker is killed at every system call on its way through a trial.
#include <gtest/gtest.h>

#include "support.h"

namespace stockpot {
namespace {

// One worker at a time: what shows no life is dead, and only a torn claim has to be waited for.
WorkerOptions impatient() {
  WorkerOptions options = quick();
  options.heartbeat.stale_after = milliseconds(200);
  return options;
}

TEST(CrashPoints, D05_D06_KilledAnywhereATrialIsDoneOnceByTheNextWorker) {
  const auto trials = numbered_trials(1);
  int points = 0, taken_over = 0;
  for (int n = 1;; ++n) {
    InMemoryFolder folder;
    const bool killed = killed_at_call(n, [&] {
      Silence silence;
      work(folder.path(), trials, numbered_run(), impatient(), silence);
    });
    const bool was_done = fs::exists(folder.path() / "runs/t000/result.json");
    Silence silence;
    const WorkSummary summary = work(folder.path(), trials, numbered_run(), impatient(), silence);
    ASSERT_TRUE(summary.whole) << "killed at call " << n;
    ASSERT_EQ(summary.done, was_done ? 0 : 1) << "killed at call " << n;
    ASSERT_EQ(Json::read(folder.path() / "runs/t000/result.json"), result_of(0));
    const TrialRecord record = read_trial(folder.path() / "runs/t000");
    ASSERT_LE(record.attempts.size(), 2U);
    taken_over += record.attempts.size() == 2;
    if (!killed) break;
    ++points;
  }
  EXPECT_GT(points, 50);
  EXPECT_GT(taken_over, 20);
}

TEST(CrashPoints, D05_KilledAnywhereInATakeoverTheTrialHasOneOwnerAfterwards) {
  const auto trials = numbered_trials(1);
  for (int n = 1;; ++n) {
    InMemoryFolder folder;
    Owner dead = this_process();
    dead.started = "1";  // its number belongs to another process now
    fs::create_directories(folder.path() / "runs/t000/attempts/0001");
    folder.put("runs/t000/attempts/0001/claim.json", dead.to_json().dump());
    WorkerOptions options = quick();
    options.heartbeat.stale_after = milliseconds(30);
    Silence silence;
    const bool killed =
        killed_at_call(n, [&] { work(folder.path(), trials, numbered_run(), options, silence); });
    ASSERT_TRUE(work(folder.path(), trials, numbered_run(), options, silence).whole) << n;
    const TrialRecord record = read_trial(folder.path() / "runs/t000");
    ASSERT_EQ(record.attempts[0].ending, Ending::died) << n;
    ASSERT_EQ(Json::read(folder.path() / "runs/t000/result.json"), result_of(0));
    if (!killed) break;
  }
}

}  // namespace
}  // namespace stockpot
