// soup greedy and soup prune with our own models on pictures.
#include <gtest/gtest.h>
#include <signal.h>

#include <cmath>
#include <filesystem>

#include "soup_models.h"
#include "stockpot/base/json.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

class SoupOnPictures : public ::testing::Test {
 protected:
  Outcome run(const std::string& out, std::vector<std::string> more = {},
              const std::string& method = "greedy") {
    std::vector<std::string> arguments{"soup", method};
    arguments.insert(arguments.end(), names.begin(), names.end());
    arguments.insert(arguments.end(), {"--val", "train", "-o", out, "-q"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return stockpot(world.path(), arguments);
  }
  Json result(const std::string& out) { return Json::read(world / (out + "/result.json")); }

  SmallWorld world;
  std::vector<std::string> names = near_models(world, 6);
};

TEST_F(SoupOnPictures, WritesModelLedgerAndVerdict) {
  const Outcome outcome = run("soup");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find(" of 6 models: "), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("Written to soup/model"), std::string::npos) << outcome.out;
  for (const char* file : {"model/config.json", "model/model.safetensors", "model/stockpot.json",
                           "ledger.json", "ledger.jsonl", "result.json"})
    EXPECT_TRUE(fs::exists(world / ("soup/" + std::string(file)))) << file;
  EXPECT_FALSE(fs::exists(world / "soup/logits"));
  EXPECT_EQ(stockpot(world.path(), {"verify", "soup/model"}).code, 0);
  // The score is that of what was written.
  const Outcome scored =
      stockpot(world.path(), {"eval", "soup/model", "--val", "train", "--json", "-q"});
  ASSERT_EQ(scored.code, 0) << scored.err;
  const Json report = Json::parse(scored.out, "eval"), mine = result("soup");
  const Json& score = report.find("models")->items()[0].find("scores")->items()[0];
  EXPECT_EQ(score.find("correct")->as_integer(),
            mine.find("held_out")->find("correct")->as_integer());
}

TEST_F(SoupOnPictures, EarlyRejectionKeepsTheIngredientsForEveryMetric) {
  for (const std::string metric :
       {"accuracy", "mean-per-class", "nll", "macro-f1", "matthews", "worst-group"}) {
    const Outcome early = run("early-" + metric, {"--metric", metric});
    const Outcome full = run("full-" + metric, {"--metric", metric, "--full"});
    ASSERT_EQ(early.code, 0) << early.err;
    ASSERT_EQ(full.code, 0) << full.err;
    const Json a = result("early-" + metric), b = result("full-" + metric);
    EXPECT_EQ(*a.find("ingredients"), *b.find("ingredients")) << metric;
    EXPECT_EQ(*a.find("held_out"), *b.find("held_out")) << metric;
    // Losses are scored once more in their own order when a soup was not rejected.
    if (metric == "nll") continue;
    EXPECT_LE(a.find("evaluations")->find("examples")->as_integer(),
              b.find("evaluations")->find("examples")->as_integer());
    EXPECT_EQ(slurp(world / ("early-" + metric + "/model/model.safetensors")),
              slurp(world / ("full-" + metric + "/model/model.safetensors")));
  }
}

TEST_F(SoupOnPictures, LogitsOfTheModelsAloneAreTakenWhenTheyAreOfTheseModelsAndPictures) {
  std::vector<std::string> evaluate{"eval"};
  evaluate.insert(evaluate.end(), names.begin(), names.end());
  evaluate.insert(evaluate.end(), {"--val", "train", "--logits", "stored", "-q"});
  ASSERT_EQ(stockpot(world.path(), evaluate).code, 0);
  const auto same = [&](const std::string& plain, const std::string& stored) {
    ASSERT_EQ(run(plain).code, 0);
    const Outcome outcome = run(stored, {"--logits", "stored"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const Json a = result(plain), b = result(stored);
    for (const char* member : {"ingredients", "held_out", "candidates"})
      EXPECT_EQ(*a.find(member), *b.find(member)) << member;
    EXPECT_EQ(slurp(world / (plain + "/model/model.safetensors")),
              slurp(world / (stored + "/model/model.safetensors")));
  };
  same("plain", "stored-soup");
  // Another model in the place of one: its old logits are not taken for its own.
  fs::copy_file(world / (names[1] + "/model.safetensors"),
                world / (names[4] + "/model.safetensors"), fs::copy_options::overwrite_existing);
  same("plain-changed", "stored-changed");

  const Outcome table = run("x", {"--logits", "stored", "--evaluator", "true"});
  EXPECT_EQ(table.code, 2) << table.err;
}

TEST_F(SoupOnPictures, D09_KilledAndRunAgainItEndsWithTheSameLedgerAndSoup) {
  ASSERT_EQ(run("whole").code, 0);
  std::vector<std::string> arguments{"soup", "greedy"};
  arguments.insert(arguments.end(), names.begin(), names.end());
  arguments.insert(arguments.end(), {"--val", "train", "-o", "killed", "-q"});
  // The folder is there once the first model was scored.
  const Outcome killed =
      stockpot_signalled(world.path(), arguments, world / "killed/logits", SIGKILL);
  EXPECT_EQ(killed.code, 128 + SIGKILL);
  EXPECT_FALSE(fs::exists(world / "killed/result.json"));
  const Outcome last = stockpot(world.path(), arguments);
  EXPECT_EQ(last.code, 0) << last.err;
  EXPECT_EQ(without_times(slurp(world / "killed/ledger.jsonl")),
            without_times(slurp(world / "whole/ledger.jsonl")));
  EXPECT_EQ(slurp(world / "killed/model/model.safetensors"),
            slurp(world / "whole/model/model.safetensors"));
}

TEST_F(SoupOnPictures, PruneStartsFromTheMeanOfAll) {
  const Outcome outcome = run("pruned", {"--accept", "strict"}, "prune");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json json = result("pruned");
  EXPECT_EQ(json.find("method")->as_string(), "prune");
  for (const Json& entry : json.find("ledger")->items())
    EXPECT_TRUE(entry.find("removal") != nullptr);
}

TEST_F(SoupOnPictures, F05_RefusesAnotherClassOrder) {
  world.edit("m3/config.json", "\"bowl\"", "\"ladle-\"");
  const Outcome outcome = run("soup");
  EXPECT_EQ(outcome.code, 3) << outcome.err;
  EXPECT_NE(outcome.err.find("m3"), std::string::npos) << outcome.err;
  EXPECT_FALSE(fs::exists(world / "soup"));
}

TEST_F(SoupOnPictures, WarnsOfHeldOutPicturesThatAreInTheTrainingSet) {
  fs::copy(world / "val", world / "mixed", fs::copy_options::recursive);
  for (const auto& folder : fs::directory_iterator(world / "train"))
    for (const auto& picture : fs::directory_iterator(folder)) {
      // Another name, and another file: the pixels count.
      const fs::path place = world / "mixed" / folder.path().filename();
      fs::copy(picture, place / ("copy-" + picture.path().filename().string()));
      break;
    }
  const std::string warning = "warning: 5 of 15 held-out pictures are also in the training set";
  std::vector<std::string> arguments{"soup", "greedy", "m0", "m1", "--val", "mixed"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), arguments.begin(), arguments.end());
    return stockpot(world.path(), more);
  };
  const Outcome told = with({"--train", "train", "-o", "told"});
  ASSERT_EQ(told.code, 0) << told.err;
  EXPECT_NE(told.err.find(warning + ", pixel for pixel"), std::string::npos) << told.err;
  EXPECT_NE(told.out.find(warning), std::string::npos) << told.out;
  EXPECT_NE(slurp(world / "told/result.json").find(warning), std::string::npos);
  EXPECT_EQ(with({"--train", "val", "-o", "other"}).out.find(" 5 of 15 "), std::string::npos);

  // The run's own mark says what its models were trained on.
  fs::create_directories(world / "run/runs/a");
  fs::create_directories(world / "run/runs/b");
  fs::rename(world / "m0", world / "run/runs/a/model");
  fs::rename(world / "m1", world / "run/runs/b/model");
  const auto set = [&](const std::string& name) {
    return "{\"sources\":[{\"path\":\"" + (world / name).string() +
           "\",\"splits\":\"\",\"split\":\"\",\"root\":\"\"}],\"class_map\":{},\"skip\":false}";
  };
  write_file(world / "run/run.json",
             "{\"identity\":{\"train\":" + set("train") + ",\"held_out\":" + set("val") + "}}");
  arguments = {"soup", "greedy", "run/runs/a/model", "run/runs/b/model", "--val", "mixed"};
  const Outcome found = with({"-o", "found"});
  ASSERT_EQ(found.code, 0) << found.err;
  EXPECT_NE(found.err.find(warning + " of "), std::string::npos) << found.err;
  EXPECT_EQ(with({"--train", "none", "-o", "none"}).err.find("training set"), std::string::npos);
  fs::rename(world / "train", world / "gone");
  const Outcome unread = with({"-o", "unread"});
  EXPECT_EQ(unread.code, 0) << unread.err;
  EXPECT_NE(unread.err.find("--train SOURCE names it"), std::string::npos) << unread.err;
}

TEST_F(SoupOnPictures, F02_AModelOfNanIsRefusedByName) {
  const fs::path file = world / "m2/model.safetensors";
  std::vector<OwnedTensor> tensors;
  {
    const Checkpoint model = Checkpoint::open(file);
    for (const TensorView& tensor : model.tensors())
      tensors.push_back(
          {tensor.name, tensor.dtype, tensor.shape, {tensor.bytes.begin(), tensor.bytes.end()}});
  }
  for (OwnedTensor& tensor : tensors)
    if (tensor.name == "fc.bias")
      tensor = make_tensor(tensor.name, tensor.dtype, tensor.shape,
                           std::vector<float>(static_cast<std::size_t>(tensor.shape[0]), NAN));
  std::vector<TensorView> views;
  for (const OwnedTensor& tensor : tensors) views.push_back(tensor.view());
  write_safetensors(file, views);
  const Outcome outcome = run("soup");
  EXPECT_EQ(outcome.code, 3) << outcome.err;
  EXPECT_NE(outcome.err.find("m2"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("NaN or Inf"), std::string::npos) << outcome.err;
}

TEST_F(SoupOnPictures, RefusesWhatCannotBe) {
  EXPECT_EQ(run("x", {"--metric", "acuracy"}).code, 2);
  EXPECT_NE(run("x", {"--metric", "acuracy"}).err.find("did you mean accuracy?"),
            std::string::npos);
  names.resize(1);
  EXPECT_EQ(run("x").err, "stockpot: a soup needs two or more models\n");
  EXPECT_FALSE(fs::exists(world / "x"));
}

}  // namespace
}  // namespace stockpot
