// Single methods and whole runs started by the launchers of several processes.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "program.h"
#include "stockpot/base/json.h"
#include "stockpot/checkpoint/safetensors.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> lpft(const std::string& out, const std::string& epochs = "2",
                              const std::string& batchnorm = "frozen") {
  return {"lpft",    "model", "--train",   "train", "--val",       "val",
          "--out",   out,     "--lr",      "1e-3",  "--epochs",    epochs,
          "--batch", "4",     "--threads", "1",     "--batchnorm", batchnorm};
}

std::vector<std::string> after(std::vector<std::string> launcher,
                               const std::vector<std::string>& command) {
  launcher.push_back(std::string(STOCKPOT_BIN_DIR) + "/stockpot");
  launcher.insert(launcher.end(), command.begin(), command.end());
  return launcher;
}

// Skips what needs several processes in a build that has none.
class JointTraining : public testing::Test {
 protected:
  void SetUp() override {
    static const bool missing = [] {
      const SmallWorld world;
      const Outcome outcome =
          stockpot(world.path(), after({"launch", "-n", "2", "--"}, lpft("together", "0")));
      return outcome.err.find("was built without LibTorch's process groups") != std::string::npos;
    }();
    if (missing) GTEST_SKIP() << "this LibTorch came without the headers of Gloo";
  }
};

// Of a program that is no part of stockpot; its output goes to `out.txt` of the world.
int run(const SmallWorld& world, const std::vector<std::string>& command) {
  std::string line = "cd '" + world.path().string() + "' &&";
  for (const std::string& word : command) line += " '" + word + "'";
  return std::system((line + " >out.txt 2>&1").c_str());
}

void expect_result_of_one_process(const SmallWorld& world, const std::string& together,
                                  const std::string& batchnorm = "frozen") {
  const Outcome alone = stockpot(world.path(), lpft("alone", "2", batchnorm));
  ASSERT_EQ(alone.code, 0) << alone.err;
  const std::string run = "runs/lpft-" + batchnorm + "-lr0.001-s0";
  const fs::path one = world / "alone" / run, two = world / together / run;
  ASSERT_TRUE(fs::exists(two / "result.json"));
  const Json first = Json::read(one / "result.json"), second = Json::read(two / "result.json");
  EXPECT_EQ(first.find("held_out")->dump(), second.find("held_out")->dump());
  const SafetensorsFile wanted(one / "model/model.safetensors");
  const SafetensorsFile got(two / "model/model.safetensors");
  double apart = 0;
  for (const TensorView& tensor : wanted.tensors()) {
    if (tensor.dtype != Dtype::f32) continue;
    const std::vector<float> a = float_values(tensor), b = float_values(*got.find(tensor.name));
    for (std::size_t i = 0; i < a.size(); ++i)
      apart = std::max(apart, static_cast<double>(std::abs(a[i] - b[i])));
  }
  // AdamW makes steps of the learning rate of gradients that are nothing but rounding.
  EXPECT_LT(apart, 1e-4);
  EXPECT_TRUE(fs::exists(world / together / "report.html"));
}

TEST_F(JointTraining, LaunchedOnTwoProcessesGivesTheResultOfOne) {
  const SmallWorld world;
  const Outcome two = stockpot(world.path(), after({"launch", "-n", "2", "--"}, lpft("together")));
  ASSERT_EQ(two.code, 0) << two.err;
  EXPECT_NE(two.err.find("every model is trained by 2 processes"), std::string::npos) << two.err;
  EXPECT_EQ(two.err.find("every model"), two.err.rfind("every model")) << two.err;
  expect_result_of_one_process(world, "together");
  // Nothing is trained again.
  const Outcome again =
      stockpot(world.path(), after({"launch", "-n", "2", "--"}, lpft("together")));
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_NE(again.err.find("(finished earlier)"), std::string::npos) << again.err;
}

TEST_F(JointTraining, F15_StartedAgainAfterALostRankItEndsWithTheSameBytes) {
  const SmallWorld world;
  const Outcome undisturbed =
      stockpot(world.path(), after({"launch", "-n", "2", "--"}, lpft("whole", "30")));
  ASSERT_EQ(undisturbed.code, 0) << undisturbed.err;
  // Rank 1 dies in the first attempt, while the model is being fine-tuned.
  const std::string script =
      "[ $RANK$TORCHELASTIC_RESTART_COUNT = 10 ] || exec \"$@\"; \"$@\" & "
      "until [ -e broken/runs/lpft-frozen-lr0.001-s0/metrics.jsonl ]; do sleep 0.02; done; "
      "kill -9 $!; wait $!; exit 137";
  const Outcome disturbed =
      stockpot(world.path(), after({"launch", "-n", "2", "--restarts", "1", "--patience", "10",
                                    "--", "sh", "-c", script, "sh"},
                                   lpft("broken", "30")));
  EXPECT_EQ(disturbed.code, 0) << disturbed.err;
  EXPECT_NE(disturbed.err.find("starting all again"), std::string::npos) << disturbed.err;
  EXPECT_NE(disturbed.err.find("start it again to continue"), std::string::npos) << disturbed.err;
  EXPECT_EQ(lasting_files(world / "whole"), lasting_files(world / "broken"));
}

TEST_F(JointTraining, LiveBatchNormIsThatOfAllProcesses) {
  const SmallWorld world;
  const Outcome two =
      stockpot(world.path(), after({"launch", "-n", "2", "--"}, lpft("together", "2", "live")));
  ASSERT_EQ(two.code, 0) << two.err;
  expect_result_of_one_process(world, "together", "live");
}

TEST_F(JointTraining, StartedByMpirun) {
  if (std::system("mpirun --version 2>/dev/null | grep -q 'Open MPI'") != 0)
    GTEST_SKIP() << "needs Open MPI's mpirun (Debian: openmpi-bin)";
  const SmallWorld world;
  const int code =
      run(world, after({"env", "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
                        "mpirun", "--oversubscribe", "-n", "2"},
                       lpft("together")));
  ASSERT_EQ(code, 0) << slurp(world / "out.txt");
  expect_result_of_one_process(world, "together");
}

TEST_F(JointTraining, StartedByTorchrun) {
  // It keeps the shared table itself, so it has to be that of the LibTorch linked here.
  const SmallWorld world;
  if (std::system("/usr/bin/python3 -c 'import torch; assert torch.__version__[:5] == \"1.13.\"' "
                  ">/dev/null 2>&1") != 0)
    GTEST_SKIP() << "needs /usr/bin/python3 with torch 1.13 (Debian: python3-torch)";
  const int code = run(
      world, after({"/usr/bin/python3", "-m", "torch.distributed.run", "--standalone", "--nnodes",
                    "1", "--nproc_per_node", "2", "-r", "1", "-t", "1", "--no_python"},
                   lpft("together")));
  ASSERT_EQ(code, 0) << slurp(world / "out.txt");
  expect_result_of_one_process(world, "together");
}

}  // namespace
}  // namespace stockpot
