#include "stockpot/sweep/worker.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "../base/message_of.h"
#include "stockpot/base/error.h"
#include "stockpot/base/random.h"
#include "stockpot/sweep/retry.h"
#include "support.h"

namespace stockpot {
namespace {

WorkSummary run_all(const fs::path& sweep, const std::vector<Trial>& trials, const RunTrial& run,
                    const WorkerOptions& options = quick()) {
  Silence silence;
  return work(sweep, trials, run, options, silence);
}

TrialState state_of(const fs::path& sweep, const std::string& id, int retries = 2) {
  return own_state(read_trial(trial_folder(sweep, id)), retries);
}

TEST(Worker, RunsEveryTrialOnceAndPublishesWhatItReturns) {
  TemporaryFolder folder;
  const auto trials = numbered_trials(5);
  const WorkSummary summary = run_all(folder.path(), trials, numbered_run());
  EXPECT_EQ(summary.done, 5);
  EXPECT_TRUE(summary.whole);
  for (const Trial& trial : trials) {
    EXPECT_EQ(times_run(folder.path(), trial.id), 1U);
    const fs::path run = trial_folder(folder.path(), trial.id);
    EXPECT_EQ(Json::read(run / "result.json"),
              result_of(trial.params.find("number")->as_integer()));
    EXPECT_EQ(Json::read(run / "params.json"), trial.params);
  }
  EXPECT_EQ(run_all(folder.path(), trials, numbered_run()).done, 0) << "nothing is left to do";
}

TEST(Worker, TakesWhatOthersNeedFirstThenTheCostly) {
  TemporaryFolder folder;
  auto trials = numbered_trials(4);
  trials[1].cost = 7;
  trials[0].needs = trials[1].needs = {"t003"};
  std::string order;
  run_all(folder.path(), trials, [&](const Trial& trial, TrialRun&) {
    order += trial.id + " ";
    return Json::object();
  });
  EXPECT_EQ(order, "t003 t001 t000 t002 ");
}

TEST(Worker, OneIndexRunsThatTrialAndWhatItNeeds) {
  TemporaryFolder folder;
  auto trials = numbered_trials(4);
  trials[2].needs = {"t000"};
  WorkerOptions options = quick();
  options.index = 2;
  EXPECT_EQ(run_all(folder.path(), trials, numbered_run(), options).done, 2);
  EXPECT_EQ(state_of(folder.path(), "t000"), TrialState::done);
  EXPECT_EQ(state_of(folder.path(), "t001"), TrialState::ready);
  EXPECT_EQ(state_of(folder.path(), "t002"), TrialState::done);
  options.index = 4;
  EXPECT_EQ(
      message_of<UsageError>([&] { run_all(folder.path(), trials, numbered_run(), options); }),
      "there is no trial 4; the sweep has 4, counted from 0");
}

TEST(Worker, EndsAfterMaxTrials) {
  TemporaryFolder folder;
  WorkerOptions options = quick();
  options.max_trials = 2;
  const WorkSummary summary = run_all(folder.path(), numbered_trials(5), numbered_run(), options);
  EXPECT_EQ(summary.done, 2);
  EXPECT_TRUE(summary.whole);
}

TEST(Worker, F11_OneBadTrialIsRetriedABoundedNumberOfTimesWithItsLogsKept) {
  TemporaryFolder folder;
  int attempts = 0;
  const WorkSummary summary =
      run_all(folder.path(), numbered_trials(3), [&](const Trial& trial, TrialRun& run) {
        if (trial.id != "t001") return Json::object();
        run.log("loading");
        throw std::runtime_error("attempt " + std::to_string(++attempts) + " fails");
      });
  EXPECT_EQ(attempts, 3);
  EXPECT_EQ(summary.done, 2);
  EXPECT_FALSE(summary.whole);
  EXPECT_EQ(summary.trouble, "t001 is failed");
  const TrialRecord record = read_trial(trial_folder(folder.path(), "t001"));
  ASSERT_EQ(record.attempts.size(), 3U);
  EXPECT_EQ(record.attempts[1].reason, "attempt 2 fails");
  const std::string log = read_file(record.attempts[1].folder / "log.txt");
  EXPECT_NE(log.find("after: failed, attempt 1 fails\nloading\nfailed: attempt 2 fails\n"),
            std::string::npos)
      << log;
}

TEST(Worker, F11_ATrialThatKillsItsWorkerIsGivenUpAndTheOthersAreDone) {
  TemporaryFolder folder;
  const auto trials = numbered_trials(4);
  const RunTrial run = [](const Trial& trial, TrialRun& its) {
    if (trial.id == "t002") raise(SIGKILL);
    return numbered_run()(trial, its);
  };
  int deaths = 0;
  while (in_child([&] { return run_all(folder.path(), trials, run).whole ? 0 : 5; }) ==
         128 + SIGKILL)
    ++deaths;
  EXPECT_EQ(deaths, 3);
  const Board board = scan(folder.path(), trials, 2);
  EXPECT_EQ(board.done, 3);
  EXPECT_EQ(board.failed, 1);
  EXPECT_NE(board.rows[2].reason.find("is gone"), std::string::npos) << board.rows[2].reason;
}

TEST(Worker, ATrialThatComesFurtherEachTimeIsNotGivenUp) {
  TemporaryFolder folder;
  const auto trials = numbered_trials(1);
  WorkerOptions options = quick();
  options.retries = 0;
  const RunTrial run = [](const Trial&, TrialRun& its) {
    its.progress(Json::object({{"step", 10 * its.attempt()}}));
    if (its.attempt() < 5) raise(SIGKILL);
    return Json::object();
  };
  int deaths = 0;
  while (in_child([&] { return run_all(folder.path(), trials, run, options).whole ? 0 : 5; }) ==
         128 + SIGKILL)
    ++deaths;
  EXPECT_EQ(deaths, 4);
  EXPECT_EQ(state_of(folder.path(), "t000", 0), TrialState::done);
}

TEST(Worker, ADivergedTrialIsMarkedAndNotRepeated) {
  TemporaryFolder folder;
  int attempts = 0;
  struct Found : std::runtime_error {
    using std::runtime_error::runtime_error;
  };
  WorkerOptions options = quick();
  options.is_divergence = [](const std::exception& error) {
    return dynamic_cast<const Found*>(&error) != nullptr;
  };
  const WorkSummary summary = run_all(
      folder.path(), numbered_trials(2),
      [&](const Trial& trial, TrialRun&) -> Json {
        ++attempts;
        if (trial.id == "t000") throw TrialDiverged("the loss is not finite at step 7");
        throw Found("so is this one");
      },
      options);
  EXPECT_EQ(attempts, 2);
  EXPECT_EQ(summary.trouble, "t000 is diverged");
  EXPECT_EQ(state_of(folder.path(), "t001"), TrialState::diverged);
}

TEST(Worker, LeavesWhatItRefusesToOthersAndSaysWhyWhenNothingElseIsLeft) {
  TemporaryFolder folder;
  const auto trials = numbered_trials(3);
  int refusals = 0;
  const RunTrial refusing = [&](const Trial& trial, TrialRun& run) -> Json {
    if (trial.id != "t001") return numbered_run()(trial, run);
    ++refusals;
    throw TrialRefused("threads was 1 and is 2");
  };
  EXPECT_EQ(message_of<TrialRefused>([&] { run_all(folder.path(), trials, refusing); }),
            "t001: threads was 1 and is 2");
  EXPECT_EQ(refusals, 1);
  EXPECT_EQ(state_of(folder.path(), "t000"), TrialState::done);
  EXPECT_EQ(state_of(folder.path(), "t001"), TrialState::ready) << "it does not count as a failure";
  EXPECT_EQ(state_of(folder.path(), "t002"), TrialState::done);
  EXPECT_EQ(run_all(folder.path(), trials, numbered_run()).done, 1);
}

TEST(Worker, WhatNeedsAFailedTrialIsBlockedNotRun) {
  TemporaryFolder folder;
  auto trials = numbered_trials(3);
  trials[1].needs = {"t000"};
  trials[2].needs = {"t001"};
  int calls = 0;
  run_all(folder.path(), trials, [&](const Trial&, TrialRun&) -> Json {
    ++calls;
    throw TrialDiverged("no");
  });
  EXPECT_EQ(calls, 1);
  const Board board = scan(folder.path(), trials, 2);
  EXPECT_EQ(board.blocked, 2);
  EXPECT_EQ(board.rows[1].reason, "needs t000, which is diverged");
  EXPECT_EQ(board.rows[2].reason, "needs t001, which is blocked");
}

TEST(Worker, AnInterruptedTrialIsGivenBackAndContinuedWithoutCountingAsAFailure) {
  TemporaryFolder folder;
  const auto trials = numbered_trials(2);
  WorkerOptions options = quick();
  options.retries = 0;
  const RunTrial stopped = [](const Trial&, TrialRun& run) -> Json {
    write_file(run.folder() / "state.txt", "half");
    throw Interrupted("stopped at step 5");
  };
  EXPECT_THROW(run_all(folder.path(), trials, stopped, options), Interrupted);
  EXPECT_EQ(state_of(folder.path(), "t000", 0), TrialState::ready);
  std::string found;
  const RunTrial whole = [&](const Trial& trial, TrialRun& run) {
    if (trial.id == "t000")
      found = std::to_string(run.attempt()) + " " + read_file(run.folder() / "state.txt");
    return Json::object();
  };
  EXPECT_TRUE(run_all(folder.path(), trials, whole, options).whole);
  EXPECT_EQ(found, "2 half");
}

TEST(Worker, StopsBetweenTrialsWhenAsked) {
  TemporaryFolder folder;
  WorkerOptions options = quick();
  int looks = 0;
  options.stop = [&] { return ++looks > 2; };
  EXPECT_EQ(message_of<Interrupted>(
                [&] { run_all(folder.path(), numbered_trials(5), numbered_run(), options); }),
            "stopped after 2 trials");
}

TEST(Worker, F12_ATrialMadeWithOtherParametersIsRefusedNamingTheDifference) {
  TemporaryFolder folder;
  auto trials = numbered_trials(1);
  EXPECT_THROW(run_all(folder.path(), trials,
                       [](const Trial&, TrialRun&) -> Json { throw Interrupted("stop"); }),
               Interrupted);
  trials[0].params.set("number", 12);
  const fs::path run = trial_folder(folder.path(), "t000");
  EXPECT_EQ(message_of<UsageError>([&] { run_all(folder.path(), trials, numbered_run()); }),
            run.string() +
                " was made with other settings: number is 0 there, 12 here; name another folder, "
                "or remove this one");
}

TEST(Worker, D05_TornParamsAreWrittenAgain) {
  TemporaryFolder folder;
  const auto trials = numbered_trials(1);
  fs::create_directories(trial_folder(folder.path(), "t000"));
  folder.put("runs/t000/params.json", "{\"numb");
  EXPECT_TRUE(run_all(folder.path(), trials, numbered_run()).whole);
  EXPECT_EQ(Json::read(folder.path() / "runs/t000/params.json"), trials[0].params);
}

TEST(Worker, F07_ASecondWorkerThatMayNotWaitNamesHostAndProcess) {
  TemporaryFolder folder;
  const auto trials = numbered_trials(1);
  const pid_t child = spawn([&] {
    run_all(folder.path(), trials, numbered_run(milliseconds(60'000)));
    return 0;
  });
  ASSERT_TRUE(wait_until([&] { return state_of(folder.path(), "t000") == TrialState::running; }));
  WorkerOptions options = quick();
  options.wait = false;
  const std::string expected =
      ": in use by " + this_process().host + " process " + std::to_string(child) + ", since ";
  std::string message;
  // A lock is taken a moment before it says whose it is.
  EXPECT_TRUE(wait_until([&] {
    message =
        message_of<BusyError>([&] { run_all(folder.path(), trials, numbered_run(), options); });
    return message.find(expected) != std::string::npos;
  })) << message;
  kill(child, SIGKILL);
  EXPECT_EQ(outcome_of(child), 128 + SIGKILL);
}

TEST(Worker, F15_AJobThatTheClusterBeganAgainTakesItsTrialBackAtOnce) {
  TemporaryFolder folder;
  const auto trials = numbered_trials(1);
  // The first start of job 17, on another machine.
  Owner before = this_process();
  before.host = "elsewhere";
  before.job = "17";
  fs::create_directories(folder.path() / "runs/t000/attempts/0001");
  folder.put("runs/t000/attempts/0001/claim.json", before.to_json().dump());
  setenv("SLURM_JOB_ID", "17", 1);
  setenv("SLURM_RESTART_COUNT", "1", 1);
  WorkerOptions options = quick();
  options.heartbeat.stale_after = std::chrono::hours(1);
  EXPECT_EQ(run_all(folder.path(), trials, numbered_run(), options).done, 1);
  EXPECT_EQ(run_all(folder.path(), trials, numbered_run(), options).done, 0)
      << "requeued once more, it finds its result";
  unsetenv("SLURM_JOB_ID");
  unsetenv("SLURM_RESTART_COUNT");
}

TEST(Retry, PutsFailedAndDivergedTrialsBack) {
  TemporaryFolder folder;
  SweepPlan plan;
  plan.retries = 0;
  plan.trials = numbered_trials(3);
  WorkerOptions options = quick();
  options.retries = 0;
  run_all(
      folder.path(), plan.trials,
      [](const Trial& trial, TrialRun& run) -> Json {
        fs::create_directories(run.folder() / "state");
        if (trial.id == "t000") throw std::runtime_error("disk gone");
        if (trial.id == "t001") throw TrialDiverged("not finite");
        return Json::object();
      },
      options);
  EXPECT_EQ(message_of<UsageError>([&] { put_back(folder.path(), plan, {"t002"}); }),
            "trial t002 is done; only failed and diverged trials are put back");
  EXPECT_EQ(message_of<UsageError>([&] { put_back(folder.path(), plan, {"t01"}); }),
            "there is no trial t01; did you mean t001?");
  EXPECT_EQ(put_back(folder.path(), plan, {}), (std::vector<std::string>{"t000", "t001"}));
  EXPECT_TRUE(fs::exists(folder.path() / "runs/t000/state")) << "continues where it was";
  EXPECT_FALSE(fs::exists(folder.path() / "runs/t001/state")) << "begins anew";
  EXPECT_TRUE(fs::exists(folder.path() / "runs/t001/attempts/0001/state"));
  EXPECT_TRUE(run_all(folder.path(), plan.trials, numbered_run(), options).whole);
}

}  // namespace
}  // namespace stockpot
