// average, interpolate and merge as a user runs them.
#include <gtest/gtest.h>

#include <algorithm>

#include "program.h"
#include "stockpot/base/json.h"
#include "stockpot/checkpoint/checkpoint.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/checkpoint/safetensors.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

// Files m1 .. m4 and base: a matrix, a head and a counter each.
class Merging : public ::testing::Test {
 protected:
  Merging() {
    for (int i = 0; i <= 4; ++i) {
      std::vector<float> body, head;
      for (int j = 0; j < 5000; ++j) {
        const auto shared = static_cast<float>((j * 37 + 11) % 101 - 50) / 50;
        const auto own = static_cast<float>((j * (i + 3) + i) % 17 - 8) / 800;
        body.push_back(i == 0 ? shared : shared + own);
      }
      for (int j = 0; j < 6; ++j) head.push_back(static_cast<float>(i + j));
      const std::vector<OwnedTensor> tensors{
          make_tensor("encoder.layer.0.weight", Dtype::f32, {50, 100}, body),
          make_tensor("classifier.weight", Dtype::f32, {2, 3}, head)};
      std::vector<TensorView> views;
      for (const OwnedTensor& tensor : tensors) views.push_back(tensor.view());
      write_safetensors(here / (i == 0 ? "base.safetensors" : name(i)), views);
    }
  }

  static std::string name(int i) { return "m" + std::to_string(i) + ".safetensors"; }

  Outcome run(std::vector<std::string> arguments) { return stockpot(here, arguments); }
  Json json(const std::string& file) { return Json::read(here / file); }
  std::string hash(const std::string& file) { return content_hash(Checkpoint::open(here / file)); }

  TemporaryFolder folder_;
  const fs::path here = folder_.path();
};

TEST_F(Merging, ManifestHoldsTheStatisticsAndVerifySeesThemChange) {
  const auto write = [&](float value) {
    const OwnedTensor fisher =
        make_tensor("classifier.weight", Dtype::f32, {2, 3}, std::vector<float>(6, value));
    const std::vector<TensorView> views{fisher.view()};
    write_safetensors(here / "fisher.safetensors", views);
  };
  write(1);
  const Outcome outcome =
      run({"merge", "fisher", name(1), name(2), "--fisher", "fisher.safetensors", "--fisher",
           "fisher.safetensors", "-o", "out.safetensors"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json manifest = json("out.safetensors.manifest.json");
  const std::vector<Json>& inputs = manifest.find("inputs")->items();
  ASSERT_EQ(inputs.size(), 4u);
  EXPECT_EQ(inputs[3].find("role")->as_string(), "statistics");
  EXPECT_EQ(inputs[3].find("hash")->as_string(), hash("fisher.safetensors"));
  EXPECT_EQ(run({"verify", "out.safetensors"}).code, 0);
  write(2);
  const Outcome changed = run({"verify", "out.safetensors"});
  EXPECT_NE(changed.code, 0);
  EXPECT_NE(changed.out.find("fisher.safetensors was changed"), std::string::npos) << changed.out;
}

TEST_F(Merging, AverageWritesTheMeanAndItsManifest) {
  const Outcome outcome = run({"average", name(1), name(2), name(3), "-o", "mean.safetensors"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "average of 3 models: mean.safetensors\n");
  const Json manifest = json("mean.safetensors.manifest.json");
  EXPECT_EQ(manifest.find("output")->find("hash")->as_string(), hash("mean.safetensors"));
  EXPECT_EQ(manifest.find("inputs")->items()[1].find("hash")->as_string(), hash(name(2)));
  const std::vector<float> head =
      float_values(Checkpoint::open(here / "mean.safetensors").at("classifier.weight"));
  EXPECT_EQ(head, (std::vector<float>{2, 3, 4, 5, 6, 7}));
}

TEST_F(Merging, TheOrderOfTheFilesChangesNoBit) {
  run({"average", name(1), name(2), name(3), "-o", "a.safetensors", "--weights", "1,2,0.5"});
  run({"average", name(3), name(1), name(2), "-o", "b.safetensors", "--weights", "0.5,1,2",
       "--threads", "1", "--max-memory", "64M"});
  EXPECT_EQ(slurp(here / "a.safetensors"), slurp(here / "b.safetensors"));
}

TEST_F(Merging, VerifyMakesEveryKindOfMergeAgain) {
  const std::vector<std::vector<std::string>> commands{
      {"average", name(1), name(2), "--weights", "3,1", "--head", "take-first"},
      {"interpolate", "base.safetensors", name(1), "--alpha", "0.3"},
      {"merge", "ties", name(1), name(2), name(3), "--base", "base.safetensors", "--density",
       "0.3"},
      {"merge", "dare", name(1), name(2), "--base", "base.safetensors", "--seed", "7"},
      {"merge", "stock", name(1), name(2), "--base", "base.safetensors"},
      {"merge", "slerp", name(1), name(2)},
      {"merge", "karcher", name(1), name(2), name(3), "--base", "base.safetensors"},
      {"merge", "task", name(1), "--base", "base.safetensors", "--lambda", "-0.5"}};
  for (std::vector<std::string> command : commands) {
    const std::string what = command[0] + " " + command[1];
    command.insert(command.end(), {"-o", "out.safetensors", "--overwrite"});
    const Outcome made = run(command);
    ASSERT_EQ(made.code, 0) << what << ": " << made.err;
    const Outcome verified = run({"verify", "out.safetensors"});
    EXPECT_EQ(verified.code, 0) << what << ": " << verified.out;
    EXPECT_TRUE(contains(verified.out, "made again from its inputs: the same, bit for bit"))
        << what << ": " << verified.out;
  }
}

TEST_F(Merging, SphericalMethodsWorkOnDifferencesFromAGivenBase) {
  run({"merge", "slerp", name(1), name(2), "-o", "a.safetensors"});
  run({"merge", "slerp", name(1), name(2), "--base", "base.safetensors", "-o", "b.safetensors"});
  EXPECT_NE(hash("a.safetensors"), hash("b.safetensors"));
  // All models the same: theta_0 plus their difference from it.
  run({"merge", "slerp", name(1), name(1), "--base", "base.safetensors", "-o", "c.safetensors"});
  EXPECT_EQ(hash("c.safetensors"), hash(name(1)));
}

TEST_F(Merging, VerifyFindsAnOutputThatItsManifestDoesNotMake) {
  run({"average", name(1), name(2), "-o", "out.safetensors"});
  fs::copy_file(here / name(3), here / "out.safetensors", fs::copy_options::overwrite_existing);
  const Outcome verified = run({"verify", "out.safetensors"});
  EXPECT_EQ(verified.code, 3);
  EXPECT_TRUE(contains(verified.out, "the output was changed")) << verified.out;
}

TEST_F(Merging, SeveralAlphasMakeAFolderOfModels) {
  const Outcome outcome = run(
      {"interpolate", "base.safetensors", name(1), "--alphas", "0:1:3", "-o", "curve", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(Json::parse(outcome.out, "stdout").find("outputs")->items().size(), 3u);
  EXPECT_EQ(hash("curve/alpha-0.safetensors"), hash("base.safetensors"));
  EXPECT_EQ(hash("curve/alpha-1.safetensors"), hash(name(1)));
  EXPECT_TRUE(fs::exists(here / "curve/alpha-0.5.safetensors"));
}

TEST_F(Merging, LastAndBestPickAmongTheModels) {
  fs::create_directory(here / "runs");
  for (int i = 1; i <= 4; ++i)
    fs::copy_file(here / name(i),
                  here / "runs" / ("step-" + std::to_string(i * 5) + ".safetensors"));
  run({"average", "runs", "--last", "2", "-o", "last.safetensors"});
  run({"average", name(3), name(4), "-o", "wanted.safetensors"});
  EXPECT_EQ(hash("last.safetensors"), hash("wanted.safetensors"));  // steps 15 and 20

  folder_.put("scores.csv", "model,acc\nm1,0.5\nm2,0.9\nm3,0.1\nm4,0.8\n");
  const Outcome best =
      run({"average", name(1), name(2), name(3), name(4), "--best", "2", "--metrics", "scores.csv",
           "--metric", "acc", "--head", "take-best", "-o", "best.safetensors"});
  ASSERT_EQ(best.code, 0) << best.err;
  EXPECT_EQ(float_values(Checkpoint::open(here / "best.safetensors").at("classifier.weight")),
            (std::vector<float>{2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(run({"verify", "best.safetensors"}).code, 0);
  EXPECT_EQ(run({"average", name(1), "--best", "2", "-o", "x.safetensors"}).code, 2);
  const Outcome none = run({"average", name(1), name(2), "--best", "1", "-o", "x.safetensors"});
  EXPECT_EQ(none.code, 3);
  EXPECT_TRUE(contains(none.err, "no number 'metric' is stored here")) << none.err;
}

TEST_F(Merging, ADryRunPrintsThePlanAndWritesNothing) {
  const Outcome outcome =
      run({"average", name(1), name(2), "--head", "skip", "-o", "out.safetensors", "--dry-run"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(contains(outcome.out, "skip   classifier.weight: group head=skip")) << outcome.out;
  EXPECT_FALSE(fs::exists(here / "out.safetensors"));
}

TEST_F(Merging, AnExistingOutputStaysUnlessItMayBeReplaced) {
  folder_.put("out.safetensors", "precious");
  const Outcome refused = run({"average", name(1), name(2), "-o", "out.safetensors"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_TRUE(contains(refused.err, "--overwrite")) << refused.err;
  EXPECT_EQ(slurp(here / "out.safetensors"), "precious");
  EXPECT_EQ(run({"average", name(1), name(2), "-o", "out.safetensors", "--overwrite"}).code, 0);
}

TEST_F(Merging, DeltasOfAFailedMergeLeaveNothing) {
  const std::vector<float> values{1, 2};
  const OwnedTensor other = make_tensor("encoder.layer.0.weight", Dtype::f32, {2}, values);
  write_safetensors(here / "odd.safetensors", std::vector<TensorView>{other.view()});
  const Outcome outcome = run({"average", name(1), "odd.safetensors", "-o", "out.safetensors"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_TRUE(contains(outcome.err,
                       "odd.safetensors: tensor 'classifier.weight' of m1.safetensors "
                       "is missing"))
      << outcome.err;
  for (const auto& entry : fs::directory_iterator(here))
    EXPECT_FALSE(contains(entry.path().filename().string(), "out.safetensors"));
}

TEST_F(Merging, TorchFilesComeOutAsTorchFiles) {
  for (int i = 1; i <= 2; ++i)
    ASSERT_EQ(run({"convert", name(i), "t" + std::to_string(i), "--format", "pt"}).code, 0);
  const Outcome outcome = run({"average", "t1", "t2", "-o", "mean"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(fs::exists(here / "mean/pytorch_model.bin"));
  run({"average", name(1), name(2), "-o", "plain.safetensors"});
  EXPECT_EQ(hash("mean"), hash("plain.safetensors"));
}

TEST_F(Merging, AFolderTakesItsCompanionsAlongAndMayHaveShards) {
  for (int i = 1; i <= 2; ++i) {
    const fs::path model = here / ("model" + std::to_string(i));
    fs::create_directory(model);
    fs::copy_file(here / name(i), model / "model.safetensors");
  }
  folder_.put("model1/tokenizer.json", "{}");
  folder_.put("model1/optimizer.pt", "state");
  const Outcome outcome =
      run({"average", "model1", "model2", "-o", "soup", "--shard-size", "10KB"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(fs::exists(here / "soup/tokenizer.json"));
  EXPECT_FALSE(fs::exists(here / "soup/optimizer.pt"));
  EXPECT_TRUE(fs::exists(here / "soup/model-00002-of-00002.safetensors"));
  run({"average", name(1), name(2), "-o", "one.safetensors"});
  EXPECT_EQ(hash("soup"), hash("one.safetensors"));
  EXPECT_EQ(run({"verify", "soup"}).code, 0);
}

}  // namespace
}  // namespace stockpot
