// stockpot launch with small shell commands as ranks; real ranks are in tests/parallel.
#include <gtest/gtest.h>

#include <csignal>

#include "program.h"

namespace fs = std::filesystem;

namespace stockpot {
namespace {

std::vector<std::string> launch(std::vector<std::string> flags, const std::string& script) {
  std::vector<std::string> arguments{"launch"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  for (const char* word : {"--", "sh", "-c"}) arguments.emplace_back(word);
  arguments.push_back(script);
  return arguments;
}

TEST(Launch, SetsTheVariablesOfTorchrun) {
  const TemporaryFolder folder;
  const Outcome outcome = stockpot(
      folder.path(),
      launch({"-n", "2"},
             "echo $RANK $WORLD_SIZE $LOCAL_RANK $LOCAL_WORLD_SIZE $GROUP_RANK $MASTER_ADDR "
             "$TORCHELASTIC_RESTART_COUNT $TORCHELASTIC_USE_AGENT_STORE > v$RANK; "
             "echo $MASTER_PORT $TORCHELASTIC_RUN_ID > m$RANK"));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(slurp(folder.path() / "v0"), "0 2 0 2 0 127.0.0.1 0 False\n");
  EXPECT_EQ(slurp(folder.path() / "v1"), "1 2 1 2 0 127.0.0.1 0 False\n");
  EXPECT_EQ(slurp(folder.path() / "m0"), slurp(folder.path() / "m1"));
}

TEST(Launch, OnlyRankZeroWritesToStdout) {
  const Outcome outcome =
      stockpot(fs::temp_directory_path(), launch({"-n", "3"}, "echo out $RANK"));
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, "out 0\n");
  EXPECT_NE(outcome.err.find("out 1\n"), std::string::npos);
  EXPECT_NE(outcome.err.find("out 2\n"), std::string::npos);
}

TEST(Launch, EndsAllWithTheCodeOfTheFirstFailure) {
  const TemporaryFolder folder;
  const Outcome outcome = stockpot(folder.path(), launch({"-n", "3"},
                                                         "trap 'echo > told$RANK; exit 9' TERM; "
                                                         "[ $RANK = 1 ] && sleep 0.3 && exit 4; "
                                                         "sleep 60 & wait"));
  EXPECT_EQ(outcome.code, 4);
  EXPECT_TRUE(fs::exists(folder.path() / "told0"));
  EXPECT_TRUE(fs::exists(folder.path() / "told2"));
}

TEST(Launch, KillsARankThatIgnoresTheRequestToEnd) {
  const Outcome outcome = stockpot(
      fs::temp_directory_path(),
      launch({"-n", "2", "--patience", "1"},
             "trap '' TERM; [ $RANK = 1 ] && sleep 0.3 && kill -9 $$; while :; do sleep 1; done"));
  EXPECT_EQ(outcome.code, 137);
}

TEST(Launch, InterruptedPassesThroughAndIsNotRestarted) {
  const TemporaryFolder folder;
  const Outcome outcome = stockpot(
      folder.path(), launch({"-n", "2", "--restarts", "3"}, "echo x >> tries$RANK; exit 75"));
  EXPECT_EQ(outcome.code, 75);
  // The other one may be ended before it has written anything.
  const std::string tries = slurp(folder.path() / "tries0") + slurp(folder.path() / "tries1");
  EXPECT_TRUE(tries == "x\n" || tries == "x\nx\n") << tries;
}

TEST(Launch, StartsAllAgainAfterAFailure) {
  const TemporaryFolder folder;
  const Outcome outcome = stockpot(folder.path(), launch({"-n", "2", "--restarts", "3"},
                                                         "c=$TORCHELASTIC_RESTART_COUNT; "
                                                         "echo $c >> tries$RANK; "
                                                         "[ $c = 2 ] && exit 0; "
                                                         "[ $RANK = 1 ] && exit 4; sleep 60"));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("rank 1 ended with 4; starting all again (2 of 3)"),
            std::string::npos);
  EXPECT_EQ(slurp(folder.path() / "tries1"), "0\n1\n2\n");
}

TEST(Launch, PassesSignalsOn) {
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) {
    const TemporaryFolder folder;
    const Outcome outcome = stockpot_signalled(
        folder.path(),
        launch({"-n", "2", "--restarts", "1"},
               "for s in TERM INT USR1; do trap \"echo $s > got$RANK; exit 75\" $s; done; "
               "echo > here$RANK; while [ ! -e here0 -o ! -e here1 ]; do sleep 0.05; done; "
               "echo > ready; sleep 60 & wait"),
        folder.path() / "ready", signal);
    EXPECT_EQ(outcome.code, 75) << outcome.err;
    for (const char* file : {"got0", "got1"})
      EXPECT_TRUE(fs::exists(folder.path() / file)) << signal;
  }
}

TEST(Launch, ACommandThatIsNotThereIsAUsageError) {
  const Outcome outcome =
      stockpot(fs::temp_directory_path(), {"launch", "-n", "2", "--", "nosuch"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.err, "stockpot: cannot start 'nosuch': No such file or directory\n");
}

}  // namespace
}  // namespace stockpot
