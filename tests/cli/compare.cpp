// Two seeds of every method on a small world: comparisons, the mechanism, side-tuning, choices on
// OOD data, corrupted sets, and `stockpot compare`.
#include <gtest/gtest.h>

#include <algorithm>

#include "program.h"
#include "stockpot/base/json.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

// Without a search; side-tuning beside FT and LP-FT; the OOD set is the validation set made worse.
class Compared : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    world_ = new SmallWorld();
    world_->edit("recipe.yaml", "ood: {shifted: {imagefolder: val}}",
                 "ood: {noisy: {imagefolder: val, corrupt: impulse_noise}, "
                 "grey: {imagefolder: val, corrupt: \"contrast:5\"}}");
    world_->edit("recipe.yaml", "lr: [1.0e-3, 3.0e-3]", "lr: 1.0e-3");
    world_->edit("recipe.yaml", "lpft: {lr: 1.0e-3}",
                 "lpft: {lr: 1.0e-3}\n  side_tuning: {lr: 1.0e-2}");
    const std::string text = slurp(*world_ / "recipe.yaml");
    world_->edit("recipe.yaml", text.substr(text.find("search:")), "run: {seeds: 2}\n");
    first_ =
        new Outcome(stockpot(world_->path(), {"run", "recipe.yaml", "--out", "out", "--json"}));
  }
  static void TearDownTestSuite() {
    delete world_;
    delete first_;
  }
  void SetUp() override { ASSERT_EQ(first_->code, 0) << first_->err; }

  static SmallWorld* world_;
  static Outcome* first_;
};
SmallWorld* Compared::world_ = nullptr;
Outcome* Compared::first_ = nullptr;

TEST_F(Compared, MethodsStandBesideEachOtherWithIntervals) {
  const Json results = Json::parse(first_->out, "stdout");
  std::vector<std::string> pairs;
  for (const Json& one : results.find("comparisons")->items()) {
    pairs.push_back(one.find("first")->as_string() + " - " + one.find("second")->as_string());
    EXPECT_EQ(one.find("seeds")->items().size(), 2u);
    const auto& sets = one.find("sets")->items();
    ASSERT_EQ(sets.size(), 4u);  // val, noisy, grey, their mean
    for (const Json& set : sets) {
      EXPECT_EQ(set.find("seeds90")->items().size(), 2u);
      EXPECT_EQ(set.find("seeds95")->items().size(), 2u);
    }
    for (const Json& set : sets) EXPECT_EQ(set.find("pictures95")->items().size(), 2u);
    for (const std::size_t i : {0u, 1u, 2u}) EXPECT_EQ(sets[i].find("mcnemar")->items().size(), 2u);
    EXPECT_TRUE(sets[3].find("mcnemar")->items().empty());
  }
  for (const char* pair : {"LP-FT (BN frozen) - FT (BN frozen)", "LP-FT (BN frozen) - FT (BN live)",
                           "LP-FT (BN frozen) - LP", "FT (BN live) - LP"})
    EXPECT_NE(std::find(pairs.begin(), pairs.end(), pair), pairs.end()) << pair;
}

TEST_F(Compared, IntervalsOfCorruptedCopiesAreOverPictures) {
  const Json results = Json::parse(first_->out, "stdout");
  for (const Json& model : results.find("models")->items()) {
    ASSERT_TRUE(model.find("mean_ood_over_pictures") != nullptr);
    EXPECT_EQ(model.find("mean_ood_over_pictures")->items().size(), 2u);
    for (const Json& score : model.find("scores")->items()) {
      const bool copies = score.find("set")->as_string() == "noisy";
      EXPECT_EQ(score.find("over_pictures")->is_null(), !copies);
      if (!copies) continue;
      const Accuracy counts{score.find("correct")->as_integer(), score.find("total")->as_integer()};
      const double low = score.find("low95")->as_number(), high = score.find("high95")->as_number();
      EXPECT_EQ(score.find("over_pictures")->items()[0].as_number(), low);
      EXPECT_GE(high - low, wilson_interval(counts).high - wilson_interval(counts).low - 1e-12);
    }
  }
  for (const char* file : {"out/report.html", "out/results.md"})
    EXPECT_TRUE(contains(slurp(*world_ / file), "over distinct pictures")) << file;
  const Outcome eval =
      stockpot(world_->path(), {"eval", "out/runs/lp/model", "--ood", "noisy=val,corrupt=jpeg",
                                "--ood", "plain=val", "--json"});
  ASSERT_EQ(eval.code, 0) << eval.err;
  const Json report = Json::parse(eval.out, "stdout");
  EXPECT_FALSE(report.find("models")->items()[0].find("mean_ood_over_pictures")->is_null());
}

TEST_F(Compared, MechanismIsMeasuredOnceAndStandsInTheReport) {
  const Json results = Json::parse(first_->out, "stdout");
  const Json* mechanism = results.find("mechanism");
  ASSERT_TRUE(mechanism->is_object());
  EXPECT_GE(mechanism->find("reading")->items().size(), 4u);
  const Json& numbers = *mechanism->find("numbers");
  EXPECT_EQ(numbers.find("layer_widths")->items().size(), 9u);
  // LP is BEFORE; the first seeds of FT and LP-FT are the AFTERs; side-tuning has other features.
  ASSERT_EQ(numbers.find("models")->items().size(), 4u);
  EXPECT_EQ(numbers.find("models")->items()[0].find("name")->as_string(), "LP");
  EXPECT_EQ(numbers.find("models")->items()[3].find("folder")->as_string(),
            "runs/lpft-frozen-lr0.001-s0/model");
  const std::string page = slurp(*world_ / "out/report.html");
  for (const char* part : {"id=\"mechanism\"", "By layer", "id=\"comparisons\"", "The models"})
    EXPECT_TRUE(contains(page, part)) << part;
  const Outcome again = stockpot(world_->path(), {"run", "recipe.yaml", "--out", "out", "--json"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_FALSE(contains(again.err, "nearest means")) << again.err;
  EXPECT_EQ(*Json::parse(again.out, "stdout").find("mechanism"), *mechanism);
}

TEST_F(Compared, SideTuningIsOneModelOfTwiceTheCost) {
  const Json results = Json::parse(first_->out, "stdout");
  bool found = false;
  for (const Json& model : results.find("models")->items()) {
    if (model.find("method")->as_string() != "side_tuning-live") continue;
    found = true;
    EXPECT_EQ(model.find("inference_cost")->as_integer(), 2);
    const Outcome eval =
        stockpot(world_->path(),
                 {"eval", "out/" + model.find("folder")->as_string(), "--val", "val", "--json"});
    ASSERT_EQ(eval.code, 0) << eval.err;
    const Json scored = Json::parse(eval.out, "stdout");
    const Json& score = scored.find("models")->items()[0].find("scores")->items()[0];
    for (const Json& set : model.find("scores")->items()) {
      if (set.find("set")->as_string() != "val") continue;
      EXPECT_EQ(score.find("correct")->as_integer(), set.find("correct")->as_integer());
    }
  }
  EXPECT_TRUE(found);
}

TEST_F(Compared, CommandComparesWithinARunAndBetweenRuns) {
  const Outcome table = stockpot(world_->path(), {"compare", "out"});
  ASSERT_EQ(table.code, 0) << table.err;
  EXPECT_TRUE(contains(table.out, "LP-FT (BN frozen) - FT (BN live)")) << table.out;
  EXPECT_TRUE(contains(table.out, "McNemar"));

  const Outcome one = stockpot(world_->path(), {"compare", "out", "--method", "lpft-frozen",
                                                "--against", "side_tuning-live", "--json"});
  ASSERT_EQ(one.code, 0) << one.err;
  const Json json = Json::parse(one.out, "stdout");
  EXPECT_EQ(json.find("kind")->as_string(), "comparison");
  ASSERT_EQ(json.find("comparisons")->items().size(), 1u);

  // A run against itself: every difference is 0.
  const Outcome runs = stockpot(world_->path(), {"compare", "out", "out", "--json"});
  ASSERT_EQ(runs.code, 0) << runs.err;
  const Json against_itself = Json::parse(runs.out, "stdout");
  for (const Json& comparison : against_itself.find("comparisons")->items())
    for (const Json& set : comparison.find("sets")->items()) {
      EXPECT_EQ(set.find("difference")->as_number(), 0);
      for (const Json& p : set.find("mcnemar")->items()) EXPECT_EQ(p.as_number(), 1);
    }
}

TEST_F(Compared, CommandSaysWhatIsWrong) {
  const Outcome name =
      stockpot(world_->path(), {"compare", "out", "--method", "lpft-frozn", "--against", "lp"});
  EXPECT_EQ(name.code, 2);
  EXPECT_TRUE(contains(name.err, "did you mean 'lpft-frozen'?")) << name.err;
  EXPECT_EQ(stockpot(world_->path(), {"compare", "out", "--method", "lp"}).code, 2);
  const Outcome nowhere = stockpot(world_->path(), {"compare", "nowhere"});
  EXPECT_EQ(nowhere.code, 2);
  EXPECT_TRUE(contains(nowhere.err, "nowhere is not the folder of a finished run")) << nowhere.err;
}

TEST_F(Compared, ChoicesOnOodDataAreMarkedEverywhere) {
  SmallWorld world;
  const Outcome outcome =
      stockpot(world.path(), {"run", "recipe.yaml", "--out", "out", "data.val_is_ood=true",
                              "methods.ft.lr=1.0e-3", "methods.ft.batchnorm=frozen"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.out, "Out of protocol"));
  for (const char* file : {"out/report.html", "out/results.md", "out/results.json"})
    EXPECT_TRUE(contains(slurp(world / file), "Out of protocol")) << file;
  EXPECT_TRUE(contains(slurp(world / "out/results.csv"), ",no\n"));
}

TEST_F(Compared, OodSetWithoutACommonClassIsRefusedBeforeAnythingIsTrained) {
  SmallWorld world;
  fs::create_directories(world / "other");
  for (const auto& entry : fs::directory_iterator(world / "val"))
    fs::copy(entry.path(), world / "other" / ("not-" + entry.path().filename().string()),
             fs::copy_options::recursive);
  world.edit("recipe.yaml", "shifted: {imagefolder: val}", "shifted: {imagefolder: other}");
  const Outcome outcome = stockpot(world.path(), {"run", "recipe.yaml", "--out", "out"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_TRUE(contains(outcome.err, "data.test.ood.shifted: the set of")) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "has no class in common with the model")) << outcome.err;
  EXPECT_FALSE(fs::exists(world / "out/runs/lp"));
}

}  // namespace
}  // namespace stockpot
