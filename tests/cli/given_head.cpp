// Fine-tuning that starts from a head of the user's.
#include <gtest/gtest.h>

#include <algorithm>

#include "program.h"
#include "stockpot/base/json.h"
#include "stockpot/base/random.h"
#include "stockpot/checkpoint/model_folder.h"
#include "stockpot/checkpoint/safetensors.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

class HeadsOfTheUser : public testing::Test {
 protected:
  HeadsOfTheUser() {
    put_head(0);
    const std::string text = slurp(world_ / "recipe.yaml");
    world_.edit("recipe.yaml", text.substr(text.find("methods:")),
                "methods:\n"
                "  ft: {lr: 1.0e-3, batchnorm: frozen}\n"
                "  given: {like: ft, head: {from: head.safetensors, scale: 0.5}, lr: 1.0e-3, "
                "batchnorm: frozen}\n"
                "search:\n"
                "  runs: 2\n"
                "  from: {head: {from: head.safetensors}}\n"
                "  space: {lr: {loguniform: [1.0e-4, 3.0e-3]}}\n");
  }

  void put_head(std::uint64_t seed, std::int64_t classes = 5) const {
    const std::int64_t features = ModelFolder::open(world_ / "model").feature_size;
    std::vector<float> values;
    RandomStream random(seed, Purpose::test);
    for (std::int64_t i = 0; i < classes * features; ++i)
      values.push_back(static_cast<float>(random.normal()));
    const OwnedTensor weight = make_tensor("w", Dtype::f32, {features, classes}, values);
    const std::vector<TensorView> tensors{weight.view()};
    write_safetensors(world_ / "head.safetensors", tensors);
  }

  Outcome run(const std::string& out) const {
    return stockpot(world_.path(), {"run", "recipe.yaml", "--out", out, "--json"});
  }
  std::string model(const std::string& run) const {
    return slurp(world_ / (run + "/model/model.safetensors"));
  }

  SmallWorld world_;
};

TEST_F(HeadsOfTheUser, IsWhatMethodsAndSearchesStartFrom) {
  const Outcome first = run("first"), second = run("second");
  ASSERT_EQ(first.code, 0) << first.err;
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_EQ(lasting_files(world_ / "first"), lasting_files(world_ / "second"));
  EXPECT_FALSE(fs::exists(world_ / "first/runs/lp"));
  EXPECT_NE(model("first/runs/given-frozen-lr0.001-s0"), model("first/runs/ft-frozen-lr0.001-s0"));
  EXPECT_TRUE(fs::exists(world_ / "first/soups/greedy/model/model.safetensors"));
  EXPECT_NE(first.out.find("head.safetensors: 'w', transposed, times 0.5, no biases, classes by "
                           "order"),
            std::string::npos)
      << first.out;
}

TEST_F(HeadsOfTheUser, WithoutAnEpochAreAModelToCompareWith) {
  world_.edit("recipe.yaml", "  ft: {lr: 1.0e-3, batchnorm: frozen}\n",
              "  zero-shot: {like: ft, head: {from: head.safetensors, scale: 0.5}, epochs: 0, "
              "batchnorm: frozen}\n");
  const Outcome outcome = run("out");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const fs::path start = world_ / "out/runs/zero-shot-frozen-lr0.001-s0";
  EXPECT_FALSE(fs::exists(start / "metrics.jsonl"));
  const Outcome between =
      stockpot(world_.path(),
               {"interpolate", start / "model", world_ / "out/runs/given-frozen-lr0.001-s0/model",
                "--recipe", "out", "-o", "wise", "--json"});
  EXPECT_EQ(between.code, 0) << between.err;
}

TEST_F(HeadsOfTheUser, OfAnotherRunIsNotTakenOver) {
  ASSERT_EQ(run("out").code, 0);
  EXPECT_EQ(run("out").code, 0);
  put_head(1);
  const Outcome other = run("out");
  EXPECT_EQ(other.code, 2);
  EXPECT_NE(other.err.find("head.sha256"), std::string::npos) << other.err;
}

TEST_F(HeadsOfTheUser, ForOtherClassesEndsTheRunBeforeAnythingIsTrained) {
  put_head(0, 4);
  const Outcome outcome = run("out");
  EXPECT_EQ(outcome.code, 3) << outcome.err;
  EXPECT_NE(outcome.err.find("the training set has 5 classes"), std::string::npos) << outcome.err;
  EXPECT_FALSE(fs::exists(world_ / "out/runs/ft-frozen-lr0.001-s0/model"));
}

TEST_F(HeadsOfTheUser, OfASweepThatChangedIsRefused) {
  ASSERT_EQ(stockpot(world_.path(), {"sweep", "init", "recipe.yaml", "--out", "s"}).code, 0);
  put_head(1);
  const Outcome outcome = stockpot(world_.path(), {"sweep", "worker", "s", "--index", "1"});
  EXPECT_NE(outcome.code, 0);
  EXPECT_NE(outcome.err.find("head.safetensors has changed since"), std::string::npos)
      << outcome.err;
}

TEST_F(HeadsOfTheUser, IsNamedByAFlagOfFinetune) {
  ASSERT_EQ(run("out").code, 0);
  const auto finetune = [&](const std::string& head) {
    return stockpot(world_.path(), {"finetune", "model",       "--train", "train",  "--val",
                                    "val",      "--out",       "flags",   "--lr",   "1e-3",
                                    "--epochs", "2",           "--batch", "4",      "--augment",
                                    "minimal",  "--batchnorm", "frozen",  "--head", head});
  };
  const Outcome outcome = finetune("head.safetensors,scale=0.5");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(model("flags/runs/ft-frozen-lr0.001-s0"), model("out/runs/given-frozen-lr0.001-s0"));
  const Outcome wrong = finetune("head.safetensors,size=2");
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("found 'size=2'"), std::string::npos) << wrong.err;
}

}  // namespace
}  // namespace stockpot
