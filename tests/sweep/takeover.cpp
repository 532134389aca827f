// Several workers, some of which die, stall, or live by other clocks.
#include <gtest/gtest.h>
#include <signal.h>

#include <ctime>
#include <thread>

#include "stockpot/base/error.h"
#include "stockpot/base/random.h"
#include "support.h"

namespace stockpot {
namespace {

int worker(const fs::path& sweep, const std::vector<Trial>& trials, const RunTrial& run,
           const WorkerOptions& options = quick()) {
  Silence silence;
  return work(sweep, trials, run, options, silence).whole ? 0 : 5;
}

std::string undisturbed(const std::vector<Trial>& trials) {
  std::string text;
  for (const Trial& trial : trials)
    text += trial.id + "=" + result_of(trial.params.find("number")->as_integer()).dump(2) + "\n\n";
  return text;
}

TEST(Takeover, TwoWorkersRacingForTrialsRunNoneTwice) {
  InMemoryFolder folder;
  const auto trials = numbered_trials(200);
  const pid_t other = spawn([&] { return worker(folder.path(), trials, numbered_run()); });
  EXPECT_EQ(worker(folder.path(), trials, numbered_run()), 0);
  EXPECT_EQ(outcome_of(other), 0);
  for (const Trial& trial : trials) EXPECT_EQ(times_run(folder.path(), trial.id), 1U) << trial.id;
  EXPECT_EQ(all_results(folder.path(), trials), undisturbed(trials));
}

TEST(Takeover, F08_EightWorkersKilledAtRandomLoseAndDoubleNothing) {
  InMemoryFolder folder;
  const auto trials = numbered_trials(200);
  WorkerOptions options = quick();
  options.retries = 1000;  // all these deaths are no fault of the trials
  const auto start = [&] {
    return spawn(
        [&] { return worker(folder.path(), trials, numbered_run(milliseconds(15)), options); });
  };
  std::vector<pid_t> workers;
  for (int i = 0; i < 8; ++i) workers.push_back(start());
  RandomStream random(8, Purpose::test);
  int kills = 0;
  for (; kills < 12; ++kills) {
    std::this_thread::sleep_for(milliseconds(100));
    pid_t& victim = workers[random.below(workers.size())];
    kill(victim, SIGKILL);
    outcome_of(victim);
    victim = start();
  }
  for (const pid_t each : workers) EXPECT_EQ(outcome_of(each), 0);
  EXPECT_EQ(all_results(folder.path(), trials), undisturbed(trials));
  int died = 0;
  for (const Trial& trial : trials) {
    const TrialRecord record = read_trial(trial_folder(folder.path(), trial.id));
    for (const Attempt& attempt : record.attempts) died += attempt.ending == Ending::died;
    EXPECT_NE(record.open_attempt(), nullptr) << "one attempt, the last, made the result";
    EXPECT_EQ(record.failures() + 1, static_cast<int>(record.attempts.size()));
  }
  EXPECT_LE(died, kills);
}

// A worker that holds its only trial until `go` is there, then finishes it in its own way.
RunTrial held_until(const fs::path& go, const std::string& who) {
  return [=](const Trial&, TrialRun& run) {
    write_file(run.folder() / "begun", who);
    wait_until([&] { return fs::exists(go); });
    run.require_still_mine();
    return Json::object({{"who", who}});
  };
}

TEST(Takeover, F09_AStalledWorkerThatWakesIsFencedAndItsLogSaysSo) {
  TemporaryFolder folder;
  const auto trials = numbered_trials(1);
  const fs::path go = folder.path() / "go", trial = trial_folder(folder.path(), "t000");
  const pid_t stalled =
      spawn([&] { return worker(folder.path(), trials, held_until(go, "late")); });
  ASSERT_TRUE(wait_until([&] { return fs::exists(trial / "begun"); }));
  kill(stalled, SIGSTOP);
  WorkerOptions impatient = quick();
  impatient.heartbeat.stale_after = milliseconds(200);
  const RunTrial other = [](const Trial&, TrialRun&) { return Json::object({{"who", "other"}}); };
  EXPECT_EQ(worker(folder.path(), trials, other, impatient), 0);
  folder.put("go", "");
  kill(stalled, SIGCONT);
  EXPECT_EQ(outcome_of(stalled), 0) << "the trial is done, if not by this worker";
  EXPECT_EQ(Json::read(trial / "result.json").find("who")->as_string(), "other");
  const TrialRecord record = read_trial(trial);
  ASSERT_EQ(record.attempts.size(), 2U);
  EXPECT_EQ(record.attempts[0].ending, Ending::died);
  EXPECT_NE(record.attempts[0].reason.find("showed no sign of life for 0.2 s"), std::string::npos)
      << record.attempts[0].reason;
  EXPECT_NE(read_file(record.attempts[0].folder / "log.txt").find("is not this process's any more"),
            std::string::npos);
}

TEST(Takeover, F09_OfTwoResultsTheFirstStands) {
  TemporaryFolder folder;
  const fs::path trial = folder.path() / "runs" / "t000";
  const auto claim = Claim::take(trial, 1, milliseconds(20));
  // Stopped after its last look at the claim: now another process has published.
  fs::create_directories(trial);
  EXPECT_EQ(Claim::take(trial, 1, milliseconds(20)), nullptr);
  folder.put("runs/t000/result.json", "{\"who\":\"other\"}");
  EXPECT_THROW(claim->publish_result(Json::object({{"who", "late"}})), TrialTakenOver);
  EXPECT_EQ(Json::read(trial / "result.json").find("who")->as_string(), "other");
}

TEST(Takeover, AClaimThatWasRemovedIsNoticed) {
  TemporaryFolder folder;
  const auto claim = Claim::take(folder.path() / "t", 1, milliseconds(20));
  claim->require_still_mine();
  fs::remove(claim->folder() / "claim.json");
  EXPECT_THROW(claim->require_still_mine(), TrialTakenOver);
}

// An open attempt of a process on another machine, whose clock says `since`.
Attempt elsewhere(const TemporaryFolder& folder, std::int64_t since) {
  Owner owner = this_process();
  owner.host = "elsewhere";
  owner.since = since;
  owner.beat_seconds = 15;
  fs::create_directories(folder.path() / "runs/t000/attempts/0001");
  folder.put("runs/t000/attempts/0001/claim.json", owner.to_json().dump());
  return read_trial(folder.path() / "runs/t000").attempts.at(0);
}

struct Clock {
  std::chrono::steady_clock::time_point time{};
  Watch::Now now() {
    return [this] { return time; };
  }
};

TEST(Takeover, F10_ABeatingOwnerIsNeverStaleWhateverItsClockSays) {
  for (const std::int64_t offset : {-86'400, 86'400, 3'600, 400'000'000}) {
    TemporaryFolder folder;
    const Attempt attempt = elsewhere(folder, std::time(nullptr) + offset);
    Clock clock;
    Watch watch(std::chrono::seconds(90), clock.now());
    for (int beat = 0; beat < 100; ++beat) {
      folder.put("runs/t000/attempts/0001/heartbeat", std::to_string(beat));
      clock.time += std::chrono::seconds(20);
      EXPECT_EQ(watch.gone(attempt), std::nullopt);
    }
    const Board board = scan(folder.path(), numbered_trials(1), 2);
    EXPECT_GE(board.rows[0].running_seconds, 0) << "no negative durations";
  }
}

TEST(Takeover, F10_StaleMeansNinetySecondsOfTheObserversOwnClock) {
  TemporaryFolder folder;
  const Attempt attempt = elsewhere(folder, 0);
  folder.put("runs/t000/attempts/0001/heartbeat", "7");
  Clock clock;
  Watch watch(std::chrono::seconds(90), clock.now());
  EXPECT_EQ(watch.gone(attempt), std::nullopt);
  for (int i = 0; i < 8; ++i) {
    clock.time += std::chrono::seconds(10);
    EXPECT_EQ(watch.gone(attempt), std::nullopt) << i;
  }
  clock.time += std::chrono::seconds(11);
  const auto gone = watch.gone(attempt);
  ASSERT_TRUE(gone);
  EXPECT_NE(gone->find("elsewhere process"), std::string::npos);
}

TEST(Takeover, F06_AnObserverThatWasStoppedItselfGivesTheOwnerTimeToShowLife) {
  TemporaryFolder folder;
  const Attempt attempt = elsewhere(folder, 0);
  folder.put("runs/t000/attempts/0001/heartbeat", "7");
  Clock clock;
  Watch watch(std::chrono::seconds(90), clock.now());
  EXPECT_EQ(watch.gone(attempt), std::nullopt);
  clock.time += std::chrono::hours(5);  // both were stopped
  EXPECT_EQ(watch.gone(attempt), std::nullopt);
  folder.put("runs/t000/attempts/0001/heartbeat", "8");
  clock.time += std::chrono::seconds(80);
  EXPECT_EQ(watch.gone(attempt), std::nullopt);
}

TEST(Takeover, AReusedProcessNumberIsNotTheOwner) {
  Owner owner = this_process();
  EXPECT_FALSE(is_gone(owner, this_process()));
  owner.started = "1";
  EXPECT_TRUE(is_gone(owner, this_process()));
  owner.boot = "another boot: numbers mean nothing here";
  EXPECT_FALSE(is_gone(owner, this_process()));
}

}  // namespace
}  // namespace stockpot
