// sweep init, run, status, retry, export; training itself is played by a toy.
#include <gtest/gtest.h>
#include <signal.h>

#include "program.h"
#include "stockpot/base/json.h"

namespace stockpot {
namespace {

constexpr const char* kToy = STOCKPOT_BIN_DIR "/toy_worker";

// A sweep of four toys in DIR/toys.
void make_toys(const TemporaryFolder& here, const std::string& steps) {
  const std::string command =
      std::string(kToy) + " plan '" + (here.path() / "toys").string() + "' 4 " + steps + " 5";
  ASSERT_EQ(std::system(command.c_str()), 0);
}

std::string string_at(const Json& json, const char* key) { return json.find(key)->as_string(); }

TEST(Sweep, InitSpellsOutTheTrialsAndIsRepeatable) {
  SmallWorld world;
  const Outcome plan = stockpot(world.path(), {"sweep", "init", "recipe.yaml", "--out", "s",
                                               "--dry-run", "--set", "search.runs=2"});
  ASSERT_EQ(plan.code, 0) << plan.err;
  EXPECT_TRUE(contains(plan.out, "search-01               lp ")) << plan.out;
  EXPECT_FALSE(contains(plan.out, "search-02")) << plan.out;
  EXPECT_FALSE(std::filesystem::exists(world / "s"));

  const std::vector<std::string> init{"sweep", "init", "recipe.yaml", "--out", "s"};
  ASSERT_EQ(stockpot(world.path(), init).code, 0);
  const std::string first = slurp(world / "s/sweep.json");
  ASSERT_EQ(stockpot(world.path(), init).code, 0);
  EXPECT_EQ(slurp(world / "s/sweep.json"), first);
  const Json trials = *Json::read(world / "s/sweep.json").find("trials");
  EXPECT_EQ(string_at(trials.items().front(), "id"), "lp");
  EXPECT_EQ(string_at(trials.items().back(), "id"), "search-02");
  EXPECT_EQ(trials.items().back().find("needs")->items().front().as_string(), "lp");
}

TEST(Sweep, InitExtendsAFolderButDoesNotChangeIt) {
  SmallWorld world;
  const auto init = [&](const std::string& setting) {
    return stockpot(world.path(), {"sweep", "init", "recipe.yaml", "--out", "s", "--set", setting});
  };
  ASSERT_EQ(init("search.runs=2").code, 0);
  EXPECT_EQ(init("search.runs=3").code, 0);
  const Outcome changed = init("train.batch=8");
  EXPECT_EQ(changed.code, 2);
  EXPECT_TRUE(contains(changed.err, "params.settings.batch is 4 there, 8 here")) << changed.err;
}

TEST(Sweep, RunShowsItsTableAndEndsWithZero) {
  TemporaryFolder here;
  make_toys(here, "3");
  const Outcome run = stockpot(here.path(), {"sweep", "run", "toys", "--worker", kToy, "-j", "2"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.out, "4 of 4 done; best held-out 3.00 % (toy-3)\n");
  const Outcome status = stockpot(here.path(), {"sweep", "status", "toys", "--json"});
  const Json json = Json::parse(status.out, "stdout");
  EXPECT_EQ(json.find("schema_version")->as_integer(), 1);
  EXPECT_EQ(json.find("done")->as_integer(), 4);
  EXPECT_EQ(json.find("rows")->items().size(), 4U);
  const Outcome csv = stockpot(here.path(), {"sweep", "export", "toys", "-o", "t.csv"});
  EXPECT_EQ(csv.code, 0);
  EXPECT_TRUE(contains(slurp(here.path() / "t.csv"), "\r\ntoy-2,done,0.02,")) << csv.err;
}

TEST(Sweep, F06_InterruptedEndsWith75AndTheSameCommandContinues) {
  TemporaryFolder here;
  make_toys(here, "100");
  const std::vector<std::string> command{"sweep", "run", "toys", "--worker", kToy, "-j", "2"};
  const Outcome stopped = stockpot_signalled(
      here.path(), command, here.path() / "toys/runs/toy-1/attempts/0001/progress.json", SIGTERM);
  EXPECT_EQ(stopped.code, 75) << stopped.err;
  EXPECT_TRUE(contains(stopped.err, "4 of 4 trials are left; run the same command again"))
      << stopped.err;
  EXPECT_EQ(stockpot(here.path(), command).code, 0);
}

TEST(Sweep, F11_GivenUpTrialsEndWith5AndRetryPutsThemBack) {
  TemporaryFolder here;
  make_toys(here, "12");
  // A file where the toy wants a folder: this trial fails until it is gone.
  std::filesystem::create_directories(here.path() / "toys/runs/toy-2");
  here.put("toys/runs/toy-2/state", "");
  const std::vector<std::string> command{"sweep", "run", "toys", "--worker", kToy};
  const Outcome run = stockpot(here.path(), command);
  EXPECT_EQ(run.code, 5) << run.err;
  EXPECT_TRUE(contains(run.out, "3 of 4 done, 1 failed")) << run.out;
  EXPECT_TRUE(contains(stockpot(here.path(), {"sweep", "status", "toys"}).out, "toy-2  failed"));
  EXPECT_EQ(stockpot(here.path(), {"sweep", "retry", "toys", "toy-0"}).code, 2);
  std::filesystem::remove(here.path() / "toys/runs/toy-2/state");
  EXPECT_EQ(stockpot(here.path(), {"sweep", "retry", "toys"}).out, "put back: toy-2\n");
  EXPECT_EQ(stockpot(here.path(), command).code, 0);
}

TEST(Sweep, AFolderThatIsNoSweepIsAUsageError) {
  TemporaryFolder here;
  for (const char* command : {"run", "status", "retry", "export"})
    EXPECT_EQ(stockpot(here.path(), {"sweep", command, "."}).code, 2) << command;
}

}  // namespace
}  // namespace stockpot
