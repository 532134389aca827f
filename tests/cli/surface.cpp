// Commands, flags, exit codes and output rules.
#include <gtest/gtest.h>

#include "program.h"
#include "stockpot/base/json.h"

namespace stockpot {
namespace {

TEST(Surface, VersionAndHelpAnswerOnStdout) {
  TemporaryFolder here;
  const Outcome version = stockpot(here.path(), {"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_EQ(version.out, "0.1.0\n");
  const Outcome help = stockpot(here.path(), {"--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* command :
       {"run", "demo", "probe", "finetune", "lpft", "eval", "soup", "inspect", "report"})
    EXPECT_TRUE(contains(help.out, command)) << command;
}

TEST(Surface, UnknownFlagNamesTheNearest) {
  TemporaryFolder here;
  const Outcome outcome = stockpot(here.path(), {"run", "r.yaml", "--out", "x", "--theads", "2"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_TRUE(contains(outcome.err, "unknown flag --theads; did you mean --threads?"))
      << outcome.err;
  EXPECT_EQ(outcome.out, "");
}

TEST(Surface, NoCommandIsAUsageError) {
  TemporaryFolder here;
  EXPECT_EQ(stockpot(here.path(), {}).code, 2);
}

TEST(Surface, NumbersThatAreNoneAreRefusedInOneLine) {
  TemporaryFolder here;
  const auto message = [&](std::vector<std::string> arguments) {
    const Outcome outcome = stockpot(here.path(), arguments);
    EXPECT_EQ(outcome.code, 2) << outcome.err;
    return outcome.err;
  };
  for (const char* alphas : {"0:1:1", "0:1:nan", "abc", "nan", "0:inf:3"})
    EXPECT_TRUE(contains(message({"interpolate", "a", "b", "-o", "c", "--alphas", alphas}),
                         std::string("stockpot: --alphas ") + alphas + ": "))
        << alphas;
  // A range holds no NaN.
  EXPECT_EQ(message({"gap", "a", "b", "--val", "c", "--alpha", "nan"}),
            "stockpot: --alpha nan: expected a number\n");
  EXPECT_EQ(message({"plane", "a", "b", "c", "--val", "d", "--margin", "nan"}),
            "stockpot: --margin nan: expected a number\n");
  EXPECT_EQ(message({"interpolate", "a", "b", "--val", "c", "--level", "nan"}),
            "stockpot: --level nan: expected a number\n");
  EXPECT_EQ(message({"soup", "learned", "a", "b", "--val", "c", "-o", "d", "--lr", "-nan"}),
            "stockpot: --lr -nan: expected a number\n");
}

TEST(Surface, InspectPrintsOneJsonDocument) {
  SmallWorld world;
  const Outcome outcome = stockpot(world.path(), {"inspect", "model", "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const Json json = Json::parse(outcome.out, "stdout");
  EXPECT_EQ(json.find("schema_version")->as_integer(), 1);
  EXPECT_GT(json.find("tensor_count")->as_integer(), 60);
  EXPECT_EQ(outcome.err, "");
}

TEST(Surface, ConfigCheckListsEveryProblem) {
  SmallWorld world;
  EXPECT_EQ(stockpot(world.path(), {"config", "check", "recipe.yaml"}).code, 0);
  world.edit("recipe.yaml", "epochs: 2", "epocs: 2");
  world.edit("recipe.yaml", "imagefolder: train", "imagefolder: trian");
  const Outcome outcome = stockpot(world.path(), {"config", "check", "recipe.yaml"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_TRUE(contains(outcome.err, "recipe.yaml:4:24: data.train.imagefolder: no such file"))
      << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "unknown setting 'epocs'; did you mean 'epochs'?"));
}

TEST(Surface, DryRunPrintsThePlanAndWritesNothing) {
  SmallWorld world;
  const Outcome outcome =
      stockpot(world.path(), {"run", "recipe.yaml", "--out", "out", "--dry-run"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "8 fine-tuning runs")) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "expected: about")) << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(world / "out"));
}

}  // namespace
}  // namespace stockpot
