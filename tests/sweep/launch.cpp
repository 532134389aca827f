#include "stockpot/sweep/launch.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "../base/message_of.h"
#include "stockpot/base/error.h"
#include "stockpot/base/random.h"
#include "stockpot/sweep/child.h"
#include "support.h"

namespace stockpot {
namespace {

constexpr const char* kToy = STOCKPOT_BIN_DIR "/toy_worker";

// A sweep of toys; their worker has to be built.
SweepPlan toys(const fs::path& sweep, int trials, int steps, int milliseconds_a_step) {
  const CommandOutput made =
      output_of({kToy, "plan", sweep.string(), std::to_string(trials), std::to_string(steps),
                 std::to_string(milliseconds_a_step)});
  EXPECT_EQ(made.status, 0) << made.err;
  return read_plan(sweep);
}

LaunchOptions two_workers(const fs::path& sweep) {
  LaunchOptions options;
  options.command = {kToy, "sweep", "worker", sweep.string()};
  options.jobs = 2;
  options.look_every = milliseconds(20);
  options.stop = {};
  return options;
}

void nothing(const Board&) {}

// Sends `signal` to the first worker that has a trial.
bool strike(const Board& board, int signal) {
  for (const BoardRow& row : board.rows)
    if (row.state == TrialState::running && row.owner && !row.owner_gone)
      return kill(static_cast<pid_t>(row.owner->pid), signal) == 0;
  return false;
}

TEST(Launch, RunsWorkersUntilEveryTrialIsDone) {
  InMemoryFolder folder;
  const SweepPlan plan = toys(folder.path(), 6, 3, 5);
  Silence silence;
  int shown = 0;
  const SweepEnd end = launch(
      folder.path(), plan, two_workers(folder.path()), [&](const Board&) { ++shown; }, silence);
  EXPECT_EQ(end.code, 0) << end.message;
  EXPECT_EQ(end.board.done, 6);
  EXPECT_GT(shown, 1);
  const std::string log = read_file(folder.path() / "workers" / "0.log") +
                          read_file(folder.path() / "workers" / "1.log");
  EXPECT_NE(log.find("toy-5: held-out 5.00 %"), std::string::npos) << log;
  EXPECT_EQ(launch(folder.path(), plan, two_workers(folder.path()), nothing, silence).code, 0)
      << "nothing is left to do";
}

TEST(Launch, AWorkerForEachDeviceTakesAllOfItsTrialsAtOnce) {
  InMemoryFolder folder;
  const SweepPlan plan = toys(folder.path(), 8, 1, 0);
  LaunchOptions options = two_workers(folder.path());
  options.jobs = 5;
  options.threads = 10;
  options.devices = {"cuda:0", "cuda:1"};
  options.share_devices = true;
  options.worker = [&](const WorkerSeat& seat) {
    write_file(folder.path() / (seat.device + ".seat"),
               std::to_string(seat.trials) + " " + std::to_string(seat.threads));
    return 5;
  };
  Silence silence;
  launch(folder.path(), plan, options, nothing, silence);
  EXPECT_EQ(read_file(folder.path() / "cuda:0.seat"), "3 2");
  EXPECT_EQ(read_file(folder.path() / "cuda:1.seat"), "2 2");
}

TEST(Launch, DealsOutDevicesAndDividesTheThreads) {
  InMemoryFolder folder;
  const SweepPlan plan = toys(folder.path(), 2, 1, 0);
  folder.put("worker.sh", "#!/bin/sh\necho \"$@\"\nexit 0\n");
  fs::permissions(folder.path() / "worker.sh", fs::perms::owner_all);
  LaunchOptions options = two_workers(folder.path());
  options.command = {(folder.path() / "worker.sh").string()};
  options.threads = 5;
  options.devices = {"cuda:0", "cuda:1"};
  Silence silence;
  launch(folder.path(), plan, options, nothing, silence);
  EXPECT_EQ(read_file(folder.path() / "workers" / "0.log"), "--threads 2 --device cuda:0\n");
  EXPECT_EQ(read_file(folder.path() / "workers" / "1.log"), "--threads 2 --device cuda:1\n");
}

TEST(Launch, ATrialHasAsManyThreadsWhateverIsLeftOfTheSweep) {
  InMemoryFolder folder;
  const SweepPlan plan = toys(folder.path(), 3, 1, 0);
  LaunchOptions options = two_workers(folder.path());
  options.threads = 4;
  options.worker = [&](const WorkerSeat& seat) {
    append_line(folder.path() / "seats",
                std::to_string(seat.trials) + " " + std::to_string(seat.threads));
    return 5;
  };
  Silence silence;
  for (const char* done : {"toy-0", "toy-1"}) {
    const fs::path trial = trial_folder(folder.path(), done);
    fs::create_directories(trial);
    write_file(trial / "result.json", "{}");
  }
  launch(folder.path(), plan, options, nothing, silence);
  EXPECT_EQ(read_file(folder.path() / "seats"), "1 2\n");
}

TEST(Launch, E06_AKilledWorkerIsReplacedAndItsTrialSaysWhy) {
  InMemoryFolder folder;
  const SweepPlan plan = toys(folder.path(), 2, 25, 10);
  Silence silence;
  bool struck = false;
  LaunchOptions options = two_workers(folder.path());
  options.jobs = 1;  // another one would notice, too
  const SweepEnd end = launch(
      folder.path(), plan, options,
      [&](const Board& board) {
        if (struck || board.running == 0) return;
        strike(board, SIGKILL);
        struck = true;
      },
      silence);
  EXPECT_EQ(end.code, 0) << end.message;
  std::string reasons;
  for (const Trial& trial : plan.trials)
    for (const Attempt& attempt : read_trial(trial_folder(folder.path(), trial.id)).attempts)
      reasons += attempt.reason;
  EXPECT_EQ(reasons, "its worker killed by signal 9 (was there enough memory?)");
}

TEST(Launch, F11_WorkersThatCannotStartAreNotRestartedForEver) {
  InMemoryFolder folder;
  const SweepPlan plan = toys(folder.path(), 2, 1, 0);
  LaunchOptions options = two_workers(folder.path());
  options.jobs = 1;
  options.command = {"/bin/sh", "-c", "echo 'no such library' >&2; exit 127", "worker"};
  SweepPlan impatient = plan;
  impatient.retries = 0;
  Silence silence;
  const SweepEnd end = launch(folder.path(), impatient, options, nothing, silence);
  EXPECT_EQ(end.code, 4);
  EXPECT_EQ(end.message,
            "workers keep dying; the last one ended with exit code 127: no such library (" +
                (folder.path() / "workers" / "0.log").string() + ")");
}

TEST(Launch, AProgramThatIsNotThereIsAUsageError) {
  InMemoryFolder folder;
  const SweepPlan plan = toys(folder.path(), 1, 1, 0);
  LaunchOptions options = two_workers(folder.path());
  options.command = {"/no/such/program"};
  Silence silence;
  EXPECT_EQ(message_of<UsageError>([&] { launch(folder.path(), plan, options, nothing, silence); }),
            "cannot start /no/such/program: No such file or directory");
}

TEST(Launch, F06_AskedToStopTheWorkersSaveAndTheNextCommandContinues) {
  InMemoryFolder folder;
  const SweepPlan plan = toys(folder.path(), 2, 40, 5);
  LaunchOptions options = two_workers(folder.path());
  bool stop = false;
  options.stop = [&] { return stop; };
  Silence silence;
  const SweepEnd end = launch(
      folder.path(), plan, options,
      [&](const Board& board) {
        stop |= board.running == 2 && board.rows[0].share > 0 && board.rows[1].share > 0;
      },
      silence);
  EXPECT_EQ(end.code, 75);
  EXPECT_EQ(end.message, "2 of 2 trials are left");
  const TrialRecord record = read_trial(trial_folder(folder.path(), "toy-0"));
  EXPECT_EQ(record.attempts.at(0).ending, Ending::interrupted);
  options.stop = {};
  EXPECT_EQ(launch(folder.path(), plan, options, nothing, silence).code, 0);
  const std::string log =
      read_file(read_trial(trial_folder(folder.path(), "toy-0")).attempts.at(1).folder / "log.txt");
  EXPECT_EQ(log.find("begins at step 0\n"), std::string::npos) << log;
}

TEST(Launch, D16_KilledAtRandomEveryTrialContinuesToTheUndisturbedResult) {
  InMemoryFolder folder;
  const SweepPlan undisturbed = toys(folder.path() / "a", 6, 60, 0);
  SweepPlan disturbed = toys(folder.path() / "b", 6, 60, 4);
  disturbed.retries = 1000;  // all these deaths are no fault of the trials
  write_plan(folder.path() / "b", disturbed);
  Silence silence;
  EXPECT_EQ(
      launch(folder.path() / "a", undisturbed, two_workers(folder.path() / "a"), nothing, silence)
          .code,
      0);
  RandomStream random(16, Purpose::test);
  auto next = std::chrono::steady_clock::now();
  int kills = 0;
  const auto disturb = [&](const Board& board) {
    if (kills == 8 || std::chrono::steady_clock::now() < next) return;
    kills += strike(board, SIGKILL);
    next = std::chrono::steady_clock::now() + milliseconds(random.between(20, 150));
  };
  const SweepEnd end =
      launch(folder.path() / "b", disturbed, two_workers(folder.path() / "b"), disturb, silence);
  EXPECT_EQ(end.code, 0) << end.message;
  EXPECT_GE(kills, 4);
  const auto weights = [&](const char* sweep, const Trial& trial) {
    const fs::path run = trial_folder(folder.path() / sweep, trial.id);
    return Json::read(run / "result.json").find("weights")->as_string();
  };
  for (const Trial& trial : disturbed.trials)
    EXPECT_EQ(weights("a", trial), weights("b", trial)) << trial.id;
}

TEST(Launch, F10_WorkersWithClocksADayApartShareASweep) {
  // Also where it cannot be: with the sanitizers' own libraries.
  if (output_of({"/bin/sh", "-c", "faketime -f +1d \"$1\" plan /dev/null 1 1 1; [ $? -eq 74 ]",
                 "sh", kToy})
          .status != 0)
    GTEST_SKIP() << "faketime is not installed, or does not work here";
  InMemoryFolder folder;
  const SweepPlan plan = toys(folder.path(), 6, 10, 10);
  std::vector<pid_t> workers;
  for (const char* clock : {"+1d", "-1h"})
    workers.push_back(spawn([&] {
      return output_of({"faketime", "-f", clock, kToy, "sweep", "worker", folder.path().string()})
          .status;
    }));
  for (const pid_t worker : workers) EXPECT_EQ(outcome_of(worker), 0);
  for (const Trial& trial : plan.trials)
    EXPECT_EQ(read_trial(trial_folder(folder.path(), trial.id)).attempts.size(), 1U) << trial.id;
}

TEST(Launch, WorkersEndWhenTheirLauncherIsKilled) {
  InMemoryFolder folder;
  const SweepPlan plan = toys(folder.path(), 2, 10'000, 5);
  const pid_t launcher = spawn([&] {
    Silence silence;
    return launch(folder.path(), plan, two_workers(folder.path()), nothing, silence).code;
  });
  const auto board = [&] { return scan(folder.path(), plan.trials, plan.retries); };
  ASSERT_TRUE(wait_until([&] { return board().running == 2; }));
  kill(launcher, SIGKILL);
  EXPECT_EQ(outcome_of(launcher), 128 + SIGKILL);
  EXPECT_TRUE(wait_until([&] { return board().waiting == 2; })) << "both were given back";
}

TEST(Child, CapturesBothStreamsWithoutAShell) {
  const CommandOutput output =
      output_of({"/bin/sh", "-c", "echo \"$1\"; echo b >&2; exit 3", "x", "$HOME; a"});
  EXPECT_EQ(output.status, 3);
  EXPECT_EQ(output.out, "$HOME; a\n");
  EXPECT_EQ(output.err, "b\n");
}

}  // namespace
}  // namespace stockpot
