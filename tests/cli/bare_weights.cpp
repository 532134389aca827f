// Models whose files are weights alone: eval, probe and soup greedy.
#include <gtest/gtest.h>

#include <filesystem>

#include "soup_models.h"
#include "stockpot/base/json.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

const Json& first_score(const Json& report) {
  return report.find("models")->items()[0].find("scores")->items()[0];
}

TEST(BareWeights, AreEvaluatedAsAFolderThatSaysWhatIsAssumed) {
  const SmallWorld world;
  fs::copy(world / "model", world / "named", fs::copy_options::recursive);
  world.edit("named/config.json", "   48,\n   48", "   224,\n   224");
  world.edit("named/config.json", "\"crop_pct\": 1.0", "\"crop_pct\": 0.875");
  const Outcome named =
      stockpot(world.path(), {"eval", "named", "--val", "train", "--ood", "o=val", "--json"});
  ASSERT_EQ(named.code, 0) << named.err;
  const Outcome bare = stockpot(world.path(), {"eval", "model/model.safetensors", "--val", "train",
                                               "--ood", "o=val", "--json"});
  ASSERT_EQ(bare.code, 0) << bare.err;
  EXPECT_TRUE(contains(bare.err, "no config.json: taken for timm's resnet18 with 5 classes"));
  EXPECT_TRUE(contains(bare.err, "5 classes have no names: those of a set are taken for them"));
  EXPECT_FALSE(contains(named.err, "note:")) << named.err;
  const Json wanted = Json::parse(named.out, "named"), found = Json::parse(bare.out, "bare");
  for (const char* key : {"correct", "total"})
    EXPECT_EQ(*first_score(found).find(key), *first_score(wanted).find(key)) << key;
}

TEST(BareWeights, AreAModelToStartFrom) {
  const SmallWorld world;
  const Outcome outcome = stockpot(world.path(), {"probe", "model/model.safetensors", "--train",
                                                  "train", "--val", "val", "--out", "run"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.err + outcome.out, "no config.json: taken for timm's resnet18"));
  const Json config = Json::read(world / "run/runs/lp/model/config.json");
  EXPECT_EQ(*config.find("architecture"), Json("resnet18"));
  EXPECT_EQ(config.find("label_names")->items().size(), 5u);
  EXPECT_EQ(stockpot(world.path(), {"eval", "run/runs/lp/model", "--val", "val"}).code, 0);
}

TEST(BareWeights, MakeASoupThatIsAModel) {
  const SmallWorld world;
  std::vector<std::string> files;
  for (const std::string& name : near_models(world, 3)) {
    files.push_back(name + ".safetensors");
    fs::rename(world / name / "model.safetensors", world / files.back());
  }
  std::vector<std::string> arguments{"soup", "greedy"};
  arguments.insert(arguments.end(), files.begin(), files.end());
  arguments.insert(arguments.end(), {"--val", "train", "-o", "soup"});
  const Outcome outcome = stockpot(world.path(), arguments);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.err + outcome.out, "no config.json: taken for timm's resnet18"));
  EXPECT_EQ(stockpot(world.path(), {"eval", "soup/model", "--val", "train"}).code, 0);
  // Not taken for stored logits, which are such files, too.
  const Outcome ensemble =
      stockpot(world.path(), {"ensemble", files[0], files[1], "--val", "train"});
  EXPECT_EQ(ensemble.code, 0) << ensemble.err;
}

}  // namespace
}  // namespace stockpot
