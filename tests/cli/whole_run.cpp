// The whole way on a small model: what it leaves, that it continues, that it repeats itself.
#include <gtest/gtest.h>
#include <signal.h>

#include "program.h"
#include "stockpot/base/json.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

Outcome run(const SmallWorld& world, const std::string& out, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"run", "recipe.yaml", "--out", out});
  return stockpot(world.path(), more);
}

TEST(WholeRun, LeavesModelsSoupsResultsAndReport) {
  SmallWorld world;
  const Outcome outcome = run(world, "out", {"--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json results = Json::parse(outcome.out, "stdout");
  EXPECT_EQ(results.find("schema_version")->as_integer(), 1);
  for (const char* file :
       {"results.json", "results.csv", "results.md", "report.html", "recipe.yaml", "run.json",
        "runs/lp/model/model.safetensors", "runs/ft-live-lr0.001-s0/metrics.jsonl",
        "runs/ft-frozen-lr0.003-s0/metrics.csv", "runs/lpft-frozen-lr0.001-s0/result.json",
        "runs/search-02/logits/val.safetensors", "soups/uniform/model/config.json",
        "soups/greedy/ledger.json"})
    EXPECT_TRUE(fs::exists(world / "out" / file)) << file;

  // What it leaves is a model folder like the one that came in.
  const Outcome eval = stockpot(world.path(), {"eval", "out/soups/greedy/model", "--val", "val",
                                               "--logits", "greedy.safetensors", "--json"});
  EXPECT_EQ(eval.code, 0) << eval.err;
  EXPECT_EQ(slurp(world / "greedy.safetensors"),
            slurp(world / "out/soups/greedy/logits/val.safetensors"));

  const Outcome report = stockpot(world.path(), {"report", "out", "-o", "again.html"});
  EXPECT_EQ(report.code, 0) << report.err;
  EXPECT_EQ(slurp(world / "again.html"), slurp(world / "out" / "report.html"));
}

TEST(WholeRun, GivesTheSameBytesTwiceAndRepeatsNothing) {
  SmallWorld world;
  ASSERT_EQ(run(world, "first").code, 0);
  ASSERT_EQ(run(world, "second").code, 0);
  EXPECT_EQ(lasting_files(world / "first"), lasting_files(world / "second"));
  const Outcome again = run(world, "first");
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.err.find("search-02: held-out"), std::string::npos);
  EXPECT_NE(again.err.find("(finished earlier)"), std::string::npos) << again.err;
  EXPECT_EQ(again.err.find(" s; about"), std::string::npos) << "trained something again";
}

TEST(WholeRun, InterruptedContinuesToTheSameBytes) {
  SmallWorld world;
  ASSERT_EQ(run(world, "whole").code, 0);
  const std::vector<std::string> command{"run", "recipe.yaml", "--out", "broken"};
  const Outcome stopped = stockpot_signalled(
      world.path(), command, world / "broken/runs/ft-frozen-lr0.001-s0/result.json", SIGTERM);
  EXPECT_EQ(stopped.code, 75) << stopped.err;
  const Outcome killed = stockpot_signalled(
      world.path(), command, world / "broken/runs/lpft-frozen-lr0.001-s0/result.json", SIGKILL);
  EXPECT_EQ(killed.code, 128 + SIGKILL);
  const Outcome finished = run(world, "broken");
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_EQ(lasting_files(world / "whole"), lasting_files(world / "broken"));
  for (const auto& entry : fs::directory_iterator(world / "broken/runs"))
    EXPECT_NE(entry.path().filename().string().front(), '.') << "left over: " << entry.path();
}

TEST(WholeRun, RefusesToContinueWithOtherSettings) {
  SmallWorld world;
  world.edit("recipe.yaml", "runs: 3", "runs: 2");
  ASSERT_EQ(run(world, "out").code, 0);
  world.edit("recipe.yaml", "batch: 4", "batch: 5");
  const Outcome outcome = run(world, "out");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("settings.batch is 4 there, 5 here"), std::string::npos)
      << outcome.err;
}

TEST(WholeRun, UniformSoupOfCopiesIsTheCopy) {
  SmallWorld world;
  const Outcome one = stockpot(world.path(), {"soup", "uniform", "model", "model", "-o", "two"});
  ASSERT_EQ(one.code, 0) << one.err;
  const Outcome three =
      stockpot(world.path(), {"soup", "uniform", "model", "model", "model", "-o", "three"});
  ASSERT_EQ(three.code, 0) << three.err;
  EXPECT_EQ(slurp(world / "two/model.safetensors"), slurp(world / "three/model.safetensors"));
}

TEST(WholeRun, SingleMethodsRunFromFlags) {
  SmallWorld world;
  const Outcome lpft = stockpot(
      world.path(), {"lpft", "model", "--train", "train", "--val", "val", "--ood", "shifted=val",
                     "--out", "lpft", "--lr", "1e-3", "--epochs", "1", "--batch", "4"});
  EXPECT_EQ(lpft.code, 0) << lpft.err;
  EXPECT_TRUE(fs::exists(world / "lpft/runs/lpft-frozen-lr0.001-s0/model/model.safetensors"));
  const Outcome soup =
      stockpot(world.path(), {"soup", "greedy", "lpft/runs/lp/model",
                              "lpft/runs/lpft-frozen-lr0.001-s0/model", "--val", "val", "-o", "s"});
  EXPECT_EQ(soup.code, 0) << soup.err;
  EXPECT_TRUE(fs::exists(world / "s/model/model.safetensors"));
  EXPECT_TRUE(fs::exists(world / "s/ledger.json"));
}

}  // namespace
}  // namespace stockpot
