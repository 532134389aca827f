// config check, show, schema and presets; overrides of recipes.
#include <gtest/gtest.h>

#include "program.h"
#include "stockpot/base/file.h"
#include "stockpot/base/json.h"

namespace stockpot {
namespace {

TEST(Config, ShowPrintsARecipeThatShowsTheSame) {
  SmallWorld world;
  const Outcome shown = stockpot(world.path(), {"config", "show", "recipe.yaml"});
  ASSERT_EQ(shown.code, 0) << shown.err;
  write_file(world / "shown.yaml", shown.out);
  EXPECT_EQ(stockpot(world.path(), {"config", "show", "shown.yaml"}).out, shown.out);
}

TEST(Config, OverridesStandBehindSetOrAlone) {
  SmallWorld world;
  const Outcome shown = stockpot(world.path(), {"config", "show", "--set", "train.epochs=7",
                                                "recipe.yaml", "train.batch=3", "--origin"});
  ASSERT_EQ(shown.code, 0) << shown.err;
  EXPECT_TRUE(contains(shown.out, "  epochs: 7  # --set train.epochs=7\n")) << shown.out;
  EXPECT_TRUE(contains(shown.out, "  batch: 3  # --set train.batch=3\n")) << shown.out;
  const Outcome wrong =
      stockpot(world.path(), {"config", "check", "recipe.yaml", "--set", "train.epocs=7"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_TRUE(contains(wrong.err,
                       "--set train.epocs=7: train: unknown setting 'epocs'; did you "
                       "mean 'epochs'?"))
      << wrong.err;
}

TEST(Config, JsonNamesTheOriginOfEveryValue) {
  SmallWorld world;
  const Outcome shown =
      stockpot(world.path(), {"config", "show", "recipe.yaml", "--json", "--origin"});
  ASSERT_EQ(shown.code, 0) << shown.err;
  const Json json = Json::parse(shown.out, "stdout");
  EXPECT_EQ(json.find("schema_version")->as_integer(), 1);
  EXPECT_EQ(json.find("origins")->find("train.momentum")->as_string(), "default");
  EXPECT_TRUE(contains(json.find("origins")->find("train.batch")->as_string(), "recipe.yaml:"));
}

TEST(Config, SchemaAndPresetsNeedNoRecipe) {
  TemporaryFolder here;
  const Outcome schema = stockpot(here.path(), {"config", "schema"});
  ASSERT_EQ(schema.code, 0) << schema.err;
  EXPECT_NE(Json::parse(schema.out, "stdout").find("$defs"), nullptr);
  const Outcome presets = stockpot(here.path(), {"config", "presets"});
  EXPECT_EQ(presets.code, 0);
  EXPECT_TRUE(contains(presets.out, "clip-72  (search)"));
  EXPECT_TRUE(contains(presets.out, "  source: Wortsman"));
  EXPECT_TRUE(contains(presets.out, "unverified"));
}

}  // namespace
}  // namespace stockpot
