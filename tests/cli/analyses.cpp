// angles, plane, gap and shifts as a user runs them.
#include <gtest/gtest.h>
#include <signal.h>

#include <cmath>

#include "soup_models.h"
#include "stockpot/base/json.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

// A page that loads and runs nothing.
void expect_self_contained(const fs::path& file) {
  const std::string page = slurp(file);
  for (const char* part : {"<script", "http://", "https://", "src=", "url("})
    EXPECT_FALSE(contains(page, part)) << part;
  EXPECT_TRUE(contains(page, "<svg"));
}

class Analyses : public ::testing::Test {
 protected:
  Outcome run(std::vector<std::string> arguments) {
    arguments.emplace_back("-q");
    return stockpot(world.path(), arguments);
  }
  static Json json_of(const Outcome& outcome) {
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return Json::parse(outcome.out, "stdout");
  }

  SmallWorld world;
  std::vector<std::string> names = near_models(world, 3);
};

TEST_F(Analyses, AnglesBetweenTaskVectorsNeedNoPictures) {
  const Outcome outcome =
      run({"angles", "m0", "m1", "m2", "--base", "model", "--json", "-o", "angles"});
  const Json json = json_of(outcome);
  EXPECT_EQ(outcome.out, slurp(world / "angles/angles.json"));
  expect_self_contained(world / "angles/angles.html");
  const Json& whole = *json.find("whole");
  EXPECT_EQ(whole.find("cosines")->items()[1].items()[1].as_number(), 1);
  // Independent noise: nearly orthogonal.
  EXPECT_NEAR(whole.find("angles")->items()[0].items()[1].as_number(), 90, 10);
  EXPECT_GT(json.find("blocks")->items().size(), 3u);
  EXPECT_TRUE(json.find("gains")->is_null());
  const Outcome again = run({"angles", "m0", "m1", "--base", "model", "-o", "angles"});
  EXPECT_EQ(again.code, 2);
  EXPECT_TRUE(contains(again.err, "--overwrite")) << again.err;
  EXPECT_TRUE(contains(run({"angles", "m0", "m1", "--base", "model"}).out, "By block"));
}

TEST_F(Analyses, AnglesWithASetTellWhatAveragingGains) {
  const std::vector<std::string> words = {"angles", "m0",    "m1",    "m2",       "--base", "model",
                                          "--val",  "train", "--ood", "held=val", "--json"};
  const Json json = json_of(run(words));
  const Json& gains = *json.find("gains");
  EXPECT_EQ(gains.find("all_pairs")->as_integer(), 3);
  ASSERT_EQ(gains.find("pairs")->items().size(), 3u);
  // The gain is that of the soups that `average` writes.
  ASSERT_EQ(run({"average", "m0", "m2", "-o", "mean"}).code, 0);
  const Json scored = json_of(run({"eval", "m0", "m2", "mean", "--val", "train", "--json"}));
  double accuracy[3];
  for (std::size_t i = 0; i < 3; ++i)
    accuracy[i] =
        scored.find("models")->items()[i].find("scores")->items()[0].find("accuracy")->as_number();
  const Json& pair = gains.find("pairs")->items()[1];
  EXPECT_EQ(pair.find("j")->as_integer(), 2);
  EXPECT_NEAR(pair.find("gain")->find("val")->as_number(),
              accuracy[2] - (accuracy[0] + accuracy[1]) / 2, 1e-12);
  EXPECT_EQ(run({"angles", "m0", "m1", "m2", "--base", "model", "--val", "train", "--pairs", "2",
                 "--dry-run"})
                .code,
            0);
}

TEST_F(Analyses, PlaneGoesOnWhereItWasKilledAndEndsWithTheSameNumbers) {
  const std::vector<std::string> words = {"plane",  "m0",    "m1",    "m2",       "--val",
                                          "train",  "--ood", "a=val", "--ood",    "b=val",
                                          "--grid", "4",     "--bn",  "variance", "-o"};
  const auto with = [&](const std::string& out) {
    std::vector<std::string> all = words;
    all.push_back(out);
    return all;
  };
  ASSERT_EQ(run(with("whole")).code, 0);
  expect_self_contained(world / "whole/plane.html");
  const Json json = Json::read(world / "whole/plane.json");
  EXPECT_EQ(json.find("anchors")->items().size(), 4u);
  const auto points = static_cast<std::int64_t>(json.find("points")->items().size());
  EXPECT_EQ(points, json.find("grid")->find("columns")->as_integer() *
                        json.find("grid")->find("rows")->as_integer());

  const Outcome killed =
      stockpot_signalled(world.path(), with("killed"), world / "killed/plane.jsonl", SIGTERM);
  EXPECT_TRUE(killed.code == 75 || killed.code == 0) << killed.err;
  const std::string part = slurp(world / "killed/plane.jsonl");
  ASSERT_EQ(run(with("killed")).code, 0);
  EXPECT_EQ(slurp(world / "killed/plane.json"), slurp(world / "whole/plane.json"));
  // What was there is kept: nothing is measured twice.
  EXPECT_EQ(slurp(world / "killed/plane.jsonl").substr(0, part.size()), part);
  EXPECT_EQ(slurp(world / "killed/plane.jsonl"), slurp(world / "whole/plane.jsonl"));
}

TEST_F(Analyses, ThePlanesAnchorsAreTheModels) {
  const Json json = json_of(run(
      {"plane", "m0", "m1", "m2", "--val", "train", "--grid", "2", "--bn", "variance", "--json"}));
  const Json scored = json_of(run({"eval", "m0", "m1", "m2", "--val", "train", "--json"}));
  for (std::size_t i = 0; i < 3; ++i) {
    const Json& anchor = json.find("anchors")->items()[i];
    EXPECT_NEAR(
        1 - anchor.find("scores")->find("val")->find("error")->as_number(),
        scored.find("models")->items()[i].find("scores")->items()[0].find("accuracy")->as_number(),
        1e-12);
  }
  EXPECT_EQ(json.find("anchors")->items()[0].find("x")->as_number(), 0);
  EXPECT_EQ(json.find("anchors")->items()[1].find("y")->as_number(), 0);
}

TEST_F(Analyses, PlaneRefusesModelsThatSpanNone) {
  const Outcome outcome = run({"plane", "m0", "m1", "m1", "--val", "train"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_TRUE(contains(outcome.err, "B and C have the same weights")) << outcome.err;
  EXPECT_EQ(run({"plane", "m0", "m1", "m2"}).code, 2);
}

TEST_F(Analyses, GapOfHeadsOnOneBackboneIsZero) {
  // The head of m1 on the backbone of m0: logits are linear along the line between them. In fp32:
  // mixtures are rounded to the models' type.
  const Checkpoint first = Checkpoint::open(world / "m0"), second = Checkpoint::open(world / "m1");
  for (const bool other_head : {false, true}) {
    std::vector<OwnedTensor> tensors;
    for (const TensorView& tensor : first.tensors()) {
      const bool other = other_head && tensor.name.starts_with("fc.");
      const TensorView& source = other ? second.at(tensor.name) : tensor;
      if (row(source.dtype).floating)
        tensors.push_back(make_tensor(source.name, Dtype::f32, source.shape, float_values(source)));
      else
        tensors.push_back(
            {source.name, source.dtype, source.shape, {source.bytes.begin(), source.bytes.end()}});
    }
    std::vector<TensorView> views;
    for (const OwnedTensor& tensor : tensors) views.push_back(tensor.view());
    const fs::path folder = world / (other_head ? "heads" : "same");
    fs::copy(world / "m0", folder, fs::copy_options::recursive);
    write_safetensors(folder / "model.safetensors", views);
  }
  const Json json = json_of(run({"gap", "same", "heads", "--val", "train", "--identity", "--step",
                                 "0.02", "--json", "-o", "gap"}));
  expect_self_contained(world / "gap/gap.html");
  const Json& pair = json.find("pairs")->items()[0];
  const Json& gap = pair.find("sets")->items()[0];
  EXPECT_NEAR(gap.find("measured")->as_number(), 0, 1e-5);
  EXPECT_GT(gap.find("variance")->as_number(), 0);
  EXPECT_NEAR(gap.find("predicted")->as_number(), 0,
              1e-3 + 0.02 * gap.find("variance")->as_number());
  EXPECT_NEAR(pair.find("identity")->find("difference")->as_number(), 0, 1e-5);
}

TEST_F(Analyses, GapComparesSoupAndEnsembleOfEveryPair) {
  const std::vector<std::string> words = {"gap",   "m0",    "m1",     "m2", "--val", "train",
                                          "--ood", "o=val", "--json", "-o", "gap"};
  const Json json = json_of(run(words));
  ASSERT_EQ(json.find("pairs")->items().size(), 3u);
  EXPECT_EQ(json.find("sets")->items().size(), 2u);
  EXPECT_EQ(json.find("sets")->items()[0].find("pairs")->as_integer(), 3);
  for (const char* missing : {"predicted", "curvature", "variance", "measured", "advice"})
    EXPECT_NE(json.find("pairs")->items()[0].find("sets")->items()[0].find(missing), nullptr);
  EXPECT_EQ(run({"gap", "m0", "m1", "--id", "train"}).code, 2);
  EXPECT_EQ(run({"gap", "m0", "m1", "--val", "train", "--alpha", "0.1"}).code, 2);
  // Another question in the same folder needs another ledger.
  fs::remove(world / "gap/gap.json");
  fs::remove(world / "gap/gap.html");
  const Outcome other = run({"gap", "m0", "m1", "--val", "train", "--ood", "o=val", "-o", "gap"});
  EXPECT_EQ(other.code, 2) << other.err;
  EXPECT_TRUE(contains(other.err, "models is ")) << other.err;
  EXPECT_TRUE(contains(other.err, "--overwrite to begin anew")) << other.err;
}

TEST_F(Analyses, ShiftsReadsWhatEvalWroteWithTheLearningRatesOfTheTrials) {
  std::vector<std::string> words = {"eval"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const fs::path trial = world / ("trial" + std::to_string(i));
    fs::create_directories(trial);
    fs::rename(world / names[i], trial / "model");
    write_file(trial / "params.json",
               "{\"settings\": {\"lr\": " + std::string(i == 0 ? "1e-5" : "0.001") + "}}");
    words.push_back("trial" + std::to_string(i) + "/model");
  }
  words.insert(words.end(), {"--id", "train", "--ood", "held=val", "--json"});
  const Outcome scored = run(words);
  ASSERT_EQ(scored.code, 0) << scored.err;
  write_file(world / "eval.json", scored.out);
  const Json json = json_of(run({"shifts", "eval.json", "--json", "-o", "shifts"}));
  EXPECT_EQ(json.find("id_set")->as_string(), "id");
  EXPECT_EQ(json.find("models")->items()[0].find("learning_rate")->as_number(), 1e-5);
  EXPECT_EQ(json.find("learning_rate")->find("runs")->as_integer(), 3);
  expect_self_contained(world / "shifts/shifts.html");
}

TEST_F(Analyses, ShiftsReadsTables) {
  write_file(world / "runs.csv",
             "name,kind,lr,clean,sketch,art\na,run,1e-5,0.8,0.5,0.4\nb,run,1e-4,0.82,0.5,0.3\n"
             "c,run,1e-3,0.84,0.2,\nd,run,1e-3,0.9,0.3,0.2\nsoup,soup,,0.85,0.6,0.5\n");
  const std::vector<std::string> words = {"shifts", "runs.csv", "--id",  "clean",
                                          "--ood",  "sketch",   "--ood", "art"};
  std::vector<std::string> as_json = words;
  as_json.emplace_back("--json");
  const Json json = json_of(run(as_json));
  ASSERT_EQ(json.find("models")->items().size(), 5u);
  EXPECT_FALSE(json.find("models")->items()[4].find("single")->as_bool());
  EXPECT_TRUE(json.find("models")->items()[2].find("mean_ood")->is_null());
  EXPECT_EQ(json.find("sets")->items()[1].find("line")->find("models")->as_integer(), 4);
  const Outcome text = run(words);
  EXPECT_TRUE(contains(text.out, "soup has the most OOD accuracy")) << text.out;
  EXPECT_FALSE(contains(text.out, "page: ")) << text.out;
  fs::create_directories(world / "run");
  write_file(world / "run" / "results.json", "{}");
  for (const char* place : {"run/analyses", "run/analyses/mine/"}) {
    std::vector<std::string> with_page = words;
    with_page.insert(with_page.end(), {"-o", place});
    EXPECT_TRUE(contains(run(with_page).out, "in the run's report: stockpot report ")) << place;
  }
  EXPECT_EQ(run({"shifts", "runs.csv"}).code, 2);
  const Outcome wrong = run({"shifts", "runs.csv", "--id", "clean", "--ood", "name"});
  EXPECT_EQ(wrong.code, 3);
  EXPECT_TRUE(contains(wrong.err, "runs.csv:2: 'a' in column 'name' is no accuracy")) << wrong.err;
}

}  // namespace
}  // namespace stockpot
