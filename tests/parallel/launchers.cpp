// The real launchers start this program as ranks: torchrun, mpirun and stockpot launch.
#include <gtest/gtest.h>
#include <torch/version.h>

#include <csignal>

#include "ranks.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPython = "/usr/bin/python3";

RankEnd run(const std::vector<std::string>& command, const EnvironmentMap& more = {}) {
  return Process(command, more).wait();
}

std::vector<std::string> with_ranks(std::vector<std::string> command,
                                    const std::vector<std::string>& scenario) {
  for (const std::string& word : rank_command(scenario)) command.push_back(word);
  return command;
}

void expect_says(const RankEnd& end, int code, const std::string& part) {
  EXPECT_EQ(end.code, code) << end.text;
  EXPECT_NE(end.text.find(part), std::string::npos) << end.text;
}

// torchrun keeps the shared table itself, so it has to be that of the LibTorch linked here.
class Torchrun : public JointTest {
 protected:
  void SetUp() override {
    JointTest::SetUp();
    if (IsSkipped()) return;
    const std::string wanted =
        std::to_string(TORCH_VERSION_MAJOR) + "." + std::to_string(TORCH_VERSION_MINOR) + ".";
    const RankEnd python = run({kPython, "-c", "import torch; print('torch', torch.__version__)"});
    if (python.text.find("torch " + wanted) == std::string::npos)
      GTEST_SKIP() << "needs /usr/bin/python3 with torch " << wanted << "x (Debian: python3-torch)";
  }

  static std::vector<std::string> command(const std::vector<std::string>& scenario) {
    // Without -r and -t, 1.13 on Python 3.11 fails on its own default values.
    return with_ranks(
        {kPython, "-m", "torch.distributed.run", "--standalone", "--nnodes", "1",
         "--nproc_per_node", "2", "--max_restarts", "1", "-r", "1", "-t", "1", "--no_python"},
        scenario);
  }
};

TEST_F(Torchrun, StartsAWorld) {
  const RankEnd end = run(command({"talk"}));
  expect_says(end, 0, "rank 0 of 2");
  expect_says(end, 0, "rank 1 of 2");
}

TEST_F(Torchrun, F15_StartsAllAgainWhenARankDies) {
  const RankEnd end = run(command({"die_at_first"}));
  expect_says(end, 0, "rank 1 (process ");
  expect_says(end, 0, "ended in attempt 1");
}

class Mpirun : public JointTest {
 protected:
  void SetUp() override {
    JointTest::SetUp();
    if (IsSkipped()) return;
    if (run({"mpirun", "--version"}).text.find("Open MPI") == std::string::npos)
      GTEST_SKIP() << "needs Open MPI's mpirun (Debian: openmpi-bin)";
  }

  static RankEnd two(const std::string& scenario) {
    return run(with_ranks({"mpirun", "--oversubscribe", "-n", "2"}, {scenario}),
               {{"OMPI_ALLOW_RUN_AS_ROOT", "1"}, {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}});
  }
};

TEST_F(Mpirun, StartsAWorld) {
  const RankEnd end = two("talk");
  expect_says(end, 0, "rank 0 of 2");
  expect_says(end, 0, "rank 1 of 2");
}

TEST_F(Mpirun, F15_EndsAllWhenARankDies) {
  const RankEnd end = two("die_at_first");
  EXPECT_NE(end.code, 0);
  EXPECT_LT(end.seconds, 20);
}

class Launch : public JointTest {
 protected:
  void SetUp() override {
    JointTest::SetUp();
    if (IsSkipped()) return;
    if (!fs::exists(program())) GTEST_SKIP() << "the program stockpot is not built";
  }
  static std::string program() { return std::string(STOCKPOT_BIN_DIR) + "/stockpot"; }

  static std::vector<std::string> command(const std::vector<std::string>& scenario) {
    return with_ranks({program(), "launch", "-n", "2", "--restarts", "1", "--"}, scenario);
  }
};

TEST_F(Launch, StartsAWorld) {
  const RankEnd end = run(command({"talk"}));
  expect_says(end, 0, "rank 0 of 2");
  expect_says(end, 0, "rank 1 of 2");
}

TEST_F(Launch, F14_StartsAllAgainWhenARankDies) {
  const RankEnd end = run(command({"die_at_first"}));
  expect_says(end, 0, "starting all again (1 of 1)");
  expect_says(end, 0, "ended in attempt 1");
}

TEST_F(Launch, RanksEndWithIt) {
  Process launcher(command({"step"}), {});
  ASSERT_TRUE(launcher.wait_until_ready());
  launcher.signal(SIGTERM);
  EXPECT_EQ(launcher.wait().code, 128 + SIGTERM);
}

}  // namespace
}  // namespace stockpot
