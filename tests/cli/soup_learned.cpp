// soup learned: starts, output, continuing, and what is refused.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include "soup_models.h"
#include "stockpot/base/json.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

class SoupLearned : public ::testing::Test {
 protected:
  std::vector<std::string> arguments(const std::string& out,
                                     const std::vector<std::string>& more) const {
    std::vector<std::string> all{"soup", "learned"};
    all.insert(all.end(), names.begin(), names.end());
    all.insert(all.end(), {"--val", "train", "-o", out, "-q", "--batch", "16", "--epochs", "2"});
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Outcome run(const std::string& out, const std::vector<std::string>& more = {}) const {
    return stockpot(world.path(), arguments(out, more));
  }
  Json result(const std::string& out) const { return Json::read(world / (out + "/result.json")); }
  std::string weights(const std::string& out) const {
    return slurp(world / (out + "/model/model.safetensors"));
  }

  SmallWorld world;
  std::vector<std::string> names = near_models(world, 3);
};

TEST_F(SoupLearned, VerifyMakesTheSoupAgainForEveryFormAndRow) {
  for (const std::string rows : {"global", "block", "tensor"})
    for (const std::string form : {"softmax", "free"}) {
      const std::string out = rows + "-" + form;
      const Outcome outcome = run(out, {"--rows", rows, "--form", form});
      ASSERT_EQ(outcome.code, 0) << outcome.err;
      EXPECT_NE(outcome.out.find("soup learned of 3 models: " + form), std::string::npos);
      EXPECT_NE(outcome.out.find("uniform soup"), std::string::npos) << outcome.out;
      EXPECT_FALSE(fs::exists(world / (out + "/state")));
      const Outcome verified = stockpot(world.path(), {"verify", out + "/model"});
      EXPECT_EQ(verified.code, 0) << verified.out << verified.err;
      EXPECT_NE(verified.out.find("made again"), std::string::npos) << verified.out;
    }
}

TEST_F(SoupLearned, LowersTheLossBelowTheUniformSoups) {
  ASSERT_EQ(run("soup", {"--optimizer", "lbfgs", "--iterations", "5"}).code, 0);
  const Json soup = result("soup");
  EXPECT_LT(soup.find("held_out")->find("loss")->as_number(),
            soup.find("uniform")->find("loss")->as_number());
  // The score is that of what was written.
  const Outcome scored =
      stockpot(world.path(), {"eval", "soup/model", "--val", "train", "--json", "-q"});
  ASSERT_EQ(scored.code, 0) << scored.err;
  const Json report = Json::parse(scored.out, "eval");
  EXPECT_EQ(
      report.find("models")->items()[0].find("scores")->items()[0].find("correct")->as_integer(),
      soup.find("held_out")->find("correct")->as_integer());
}

TEST_F(SoupLearned, RepeatedItChangesNothing) {
  const Outcome first = run("soup", {"--json"});
  ASSERT_EQ(first.code, 0) << first.err;
  const auto time = fs::last_write_time(world / "soup/result.json");
  const Outcome again = run("soup", {"--json"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(again.out, first.out);
  EXPECT_EQ(fs::last_write_time(world / "soup/result.json"), time);
  const Outcome other = run("soup", {"--seed", "3"});
  EXPECT_EQ(other.code, 2);
  EXPECT_NE(other.err.find("seed was 0 and is 3"), std::string::npos) << other.err;
  EXPECT_EQ(run("soup", {"--seed", "3", "--overwrite"}).code, 0);
}

TEST_F(SoupLearned, D09_KilledAndRunAgainItEndsWithTheSameSoup) {
  for (const std::string optimizer : {"adamw", "lbfgs"}) {
    const std::vector<std::string> how{"--rows",       "tensor", "--optimizer", optimizer,
                                       "--iterations", "4",      "--start",     "ensemble",
                                       "--save-every", "0"};
    const std::string whole = "whole-" + optimizer, killed = "killed-" + optimizer;
    ASSERT_EQ(run(whole, how).code, 0);
    const Outcome outcome = stockpot_signalled(world.path(), arguments(killed, how),
                                               world / (killed + "/state/step-000002"), SIGKILL);
    EXPECT_EQ(outcome.code, 128 + SIGKILL);
    EXPECT_FALSE(fs::exists(world / (killed + "/result.json")));
    ASSERT_EQ(run(killed, how).code, 0);
    EXPECT_EQ(weights(killed), weights(whole));
    EXPECT_EQ(*result(killed).find("rows"), *result(whole).find("rows"));
    EXPECT_EQ(*result(killed).find("held_out"), *result(whole).find("held_out"));
  }
}

TEST_F(SoupLearned, StartsFromAGreedySoupOrItsIngredients) {
  std::vector<std::string> greedy{"soup", "greedy"};
  greedy.insert(greedy.end(), names.begin(), names.end());
  greedy.insert(greedy.end(), {"--val", "train", "-o", "greedy", "-q"});
  ASSERT_EQ(stockpot(world.path(), greedy).code, 0);
  ASSERT_EQ(run("soup", {"--start", "greedy", "--greedy", "greedy"}).code, 0);
  EXPECT_FALSE(result("soup").find("best_single")->is_null());
  ASSERT_EQ(run("named", {"--start", "greedy", "--chosen", "m1", "--chosen", "m2"}).code, 0);
  EXPECT_EQ(result("named").find("start")->find("ingredients")->items().size(), 2u);
  EXPECT_EQ(run("none", {"--start", "greedy"}).code, 2);
  EXPECT_EQ(run("none", {"--start", "greedy", "--chosen", "m7"}).code, 2);
}

TEST_F(SoupLearned, StartsFromStoredLogits) {
  std::vector<std::string> eval{"eval"};
  eval.insert(eval.end(), names.begin(), names.end());
  eval.insert(eval.end(), {"--val", "train", "--logits", "logits", "-q"});
  ASSERT_EQ(stockpot(world.path(), eval).code, 0);
  const Outcome stored = run("stored", {"--start", "ensemble", "--logits", "logits"});
  ASSERT_EQ(stored.code, 0) << stored.err;
  ASSERT_EQ(run("made", {"--start", "ensemble"}).code, 0);
  EXPECT_EQ(weights("stored"), weights("made"));
}

TEST_F(SoupLearned, StoredLogitsOfOtherPicturesAreComputedAgain) {
  std::vector<std::string> eval{"eval"};
  eval.insert(eval.end(), names.begin(), names.end());
  eval.insert(eval.end(), {"--val", "val", "--logits", "logits", "-q"});
  ASSERT_EQ(stockpot(world.path(), eval).code, 0);
  std::vector<std::string> stored =
      arguments("stored", {"--start", "ensemble", "--logits", "logits"});
  std::erase(stored, "-q");
  const Outcome outcome = stockpot(world.path(), stored);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("logits/m0/val.safetensors holds logits of"), std::string::npos)
      << outcome.err;
  EXPECT_NE(outcome.err.find(": m0 is run instead"), std::string::npos) << outcome.err;
  ASSERT_EQ(run("made", {"--start", "ensemble"}).code, 0);
  EXPECT_EQ(weights("stored"), weights("made"));
}

TEST_F(SoupLearned, StoredLogitsOfAModelThatChangedAreComputedAgain) {
  std::vector<std::string> eval{"eval"};
  eval.insert(eval.end(), names.begin(), names.end());
  eval.insert(eval.end(), {"--val", "train", "--logits", "logits", "-q"});
  ASSERT_EQ(stockpot(world.path(), eval).code, 0);
  const std::string word = "logits/m1/val.safetensors holds logits of another model (";
  const Outcome same = run("same", {"--start", "ensemble", "--logits", "logits"});
  ASSERT_EQ(same.code, 0) << same.err;
  EXPECT_EQ(same.err.find("run instead"), std::string::npos) << same.err;
  fs::remove_all(world / "m1");
  fs::copy(world / "model", world / "m1", fs::copy_options::recursive);
  std::vector<std::string> arguments =
      this->arguments("stored", {"--start", "ensemble", "--logits", "logits"});
  std::erase(arguments, "-q");
  const Outcome stored = stockpot(world.path(), arguments);
  ASSERT_EQ(stored.code, 0) << stored.err;
  EXPECT_NE(stored.err.find(word), std::string::npos) << stored.err;
  EXPECT_EQ(stored.err.find("m0 is run"), std::string::npos) << stored.err;
  ASSERT_EQ(run("made", {"--start", "ensemble"}).code, 0);
  EXPECT_EQ(weights("stored"), weights("made"));
}

TEST_F(SoupLearned, StoredLogitsThatDoNotSayWhatTheyAreOfAreComputedAgain) {
  std::vector<std::string> eval{"eval"};
  eval.insert(eval.end(), names.begin(), names.end());
  eval.insert(eval.end(), {"--val", "train", "--logits", "logits", "-q"});
  ASSERT_EQ(stockpot(world.path(), eval).code, 0);
  // As an older version wrote it, with logits that no model of these has.
  const fs::path file = world / "logits/m2/val.safetensors";
  {
    const SafetensorsFile store(file);
    std::map<std::string, std::string> metadata = store.metadata();
    metadata.erase("examples");
    metadata.erase("model");
    std::vector<OwnedTensor> tensors;
    for (const TensorView& view : store.tensors())
      tensors.push_back(
          {view.name, view.dtype, view.shape, {view.bytes.begin(), view.bytes.end()}});
    std::vector<TensorView> views;
    for (OwnedTensor& tensor : tensors) {
      if (tensor.name == "logits") std::ranges::fill(tensor.bytes, std::byte{0});
      views.push_back(tensor.view());
    }
    write_safetensors(file, views, metadata);
  }
  ASSERT_EQ(run("stored", {"--start", "ensemble", "--logits", "logits"}).code, 0);
  ASSERT_EQ(run("made", {"--start", "ensemble"}).code, 0);
  EXPECT_EQ(weights("stored"), weights("made"));
}

TEST_F(SoupLearned, ADryRunPlansAndWritesNothing) {
  const Outcome outcome = run("soup", {"--dry-run", "--rows", "block"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("a step"), std::string::npos) << outcome.out;
  EXPECT_FALSE(fs::exists(world / "soup"));
}

TEST_F(SoupLearned, F05_RefusesAnotherClassOrder) {
  world.edit("m1/config.json", "\"bowl\"", "\"ladle-\"");
  const Outcome outcome = run("soup");
  EXPECT_EQ(outcome.code, 3) << outcome.err;
  EXPECT_NE(outcome.err.find("m1"), std::string::npos) << outcome.err;
  EXPECT_FALSE(fs::exists(world / "soup"));
}

TEST_F(SoupLearned, OverlapWithTheTrainingSetIsToldWithItsCount) {
  const Outcome outcome = run("soup", {"--train", "train"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("held-out pictures are also in the training set"), std::string::npos)
      << outcome.out;
}

TEST_F(SoupLearned, TheRunOfTheModelsTellsItsTrainingSet) {
  for (std::string& name : names) {
    const fs::path place = fs::path("run/runs") / name / "model";
    fs::create_directories((world / place.string()).parent_path());
    fs::rename(world / name, world / place.string());
    name = place.string();
  }
  const std::string set = "{\"sources\":[{\"path\":\"" + (world / "train").string() +
                          "\",\"splits\":\"\",\"split\":\"\",\"root\":\"\"}],"
                          "\"class_map\":{},\"skip\":false}";
  write_file(world / "run/run.json",
             "{\"identity\":{\"train\":" + set + ",\"held_out\":" + set + "}}");
  const Outcome told = run("soup");
  ASSERT_EQ(told.code, 0) << told.err;
  EXPECT_NE(told.out.find("are also in the training set of "), std::string::npos) << told.out;
  EXPECT_EQ(run("other", {"--train", "none"}).out.find("training set"), std::string::npos);
}

TEST_F(SoupLearned, AModelWithNanIsNamed) {
  std::vector<OwnedTensor> tensors;
  {
    const Checkpoint model = Checkpoint::open(world / "m2");
    for (const TensorView& view : model.tensors())
      tensors.push_back(
          {view.name, view.dtype, view.shape, {view.bytes.begin(), view.bytes.end()}});
  }
  for (OwnedTensor& tensor : tensors) {
    if (tensor.name != "fc.weight") continue;
    const double bad = std::numeric_limits<double>::quiet_NaN();
    write_values(std::span(&bad, 1), tensor.dtype,
                 std::span(tensor.bytes).first(byte_count(tensor.dtype, 1)));
  }
  std::vector<TensorView> views;
  for (const OwnedTensor& tensor : tensors) views.push_back(tensor.view());
  write_safetensors(world / "m2/model.safetensors", views);
  const Outcome outcome = run("soup");
  EXPECT_EQ(outcome.code, 3) << outcome.err;
  EXPECT_NE(outcome.err.find("m2"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("fc.weight"), std::string::npos) << outcome.err;
}

TEST_F(SoupLearned, RefusesOneModelAndTheSameTwice) {
  names = {"m0", "m0"};
  EXPECT_NE(run("soup").err.find("is given twice"), std::string::npos);
  names = {"m0"};
  EXPECT_EQ(run("soup").err, "stockpot: a soup needs two or more models\n");
  EXPECT_FALSE(fs::exists(world / "soup"));
}

}  // namespace
}  // namespace stockpot
