// Bad input: a clear error with the file and the fix, the right exit code, nothing written.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "../base/in_child.h"
#include "program.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

// Runs the recipe and expects this exit code, these words and no output folder.
void expect_refused(const SmallWorld& world, int code, const std::vector<std::string>& words) {
  const Outcome outcome = stockpot(world.path(), {"run", "recipe.yaml", "--out", "out"});
  EXPECT_EQ(outcome.code, code) << outcome.err;
  for (const std::string& word : words)
    EXPECT_NE(outcome.err.find(word), std::string::npos) << word << "\nin: " << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_FALSE(fs::exists(world / "out" / "results.json"));
  if (fs::exists(world / "out" / "runs")) {
    // A trial that was begun says who began it, and has neither a model nor a result.
    for (const auto& run : fs::directory_iterator(world / "out" / "runs"))
      for (const char* name : {"model", "result.json"})
        EXPECT_FALSE(fs::exists(run.path() / name)) << run.path();
  }
}

TEST(BadInput, TruncatedCheckpoint) {
  SmallWorld world;
  const fs::path weights = world / "model" / "model.safetensors";
  fs::resize_file(weights, fs::file_size(weights) - 10);
  expect_refused(world, 3, {"model.safetensors"});
}

TEST(BadInput, CheckpointThatIsSomethingElse) {
  SmallWorld world;
  std::ofstream(world / "model" / "model.safetensors")
      << "version https://git-lfs.github.com/spec/v1\n";
  expect_refused(world, 3, {"model.safetensors", "LFS"});
}

TEST(BadInput, MissingShard) {
  SmallWorld world;
  fs::remove(world / "model" / "model.safetensors");
  std::ofstream(world / "model" / "model.safetensors.index.json")
      << R"({"metadata": {"total_size": 8}, "weight_map": {"fc.bias": "model-00001-of-00002.safetensors"}})";
  expect_refused(world, 3, {"model-00001-of-00002.safetensors"});
}

TEST(BadInput, HeadThatDoesNotFitTheClassNames) {
  SmallWorld world;
  world.edit("model/config.json", "\"whisk\"", "\"whisk\", \"sieve\"");
  expect_refused(world, 3, {"config.json"});
}

TEST(BadInput, UnknownArchitecture) {
  SmallWorld world;
  world.edit("model/config.json", "\"resnet18\"", "\"vgg16\"");
  expect_refused(world, 3, {"config.json", "vgg16", "resnet50"});
}

TEST(BadInput, EmptyClassFolder) {
  SmallWorld world;
  fs::create_directories(world / "train" / "sieve");
  expect_refused(world, 3, {"sieve"});
}

TEST(BadInput, UnreadablePictureIsAnErrorOrCounted) {
  SmallWorld world;
  std::ofstream(world / "train" / "pot" / "bad.png") << "not a picture";
  expect_refused(world, 3, {"bad.png"});
  fs::remove_all(world / "out");
  world.edit("recipe.yaml", "{imagefolder: train}", "{imagefolder: train, on_bad: skip}");
  world.edit("recipe.yaml", "runs: 3", "runs: 2");
  const Outcome outcome = stockpot(world.path(), {"run", "recipe.yaml", "--out", "out"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("1 unreadable pictures left out"), std::string::npos) << outcome.err;
}

TEST(BadInput, NoHeldOutSet) {
  SmallWorld world;
  world.edit("recipe.yaml", "  val: {imagefolder: val}\n", "");
  expect_refused(world, 2, {"recipe.yaml:", "data.val is missing"});
}

TEST(BadInput, OodLabelThatTheModelDoesNotKnow) {
  SmallWorld world;
  fs::create_directories(world / "shift");
  fs::copy(world / "val" / "pot", world / "shift" / "pott");
  world.edit("recipe.yaml", "shifted: {imagefolder: val}", "shifted: {imagefolder: shift}");
  expect_refused(world, 2, {"shifted", "pott", "pot", "class_map"});
}

TEST(BadInput, FlagsOfFinetuneThatARecipeWouldRefuse) {
  SmallWorld world;
  const auto message = [&](const std::string& flag, const std::string& value) {
    const Outcome outcome =
        stockpot(world.path(), {"finetune", "model", "--train", "train", "--val", "val", "--out",
                                "out", "--epochs", "1", flag, value});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_FALSE(fs::exists(world / "out"));
    return outcome.err;
  };
  EXPECT_EQ(message("--lr", "-1"), "stockpot: lr should lie in 0..100, found -1\n");
  EXPECT_EQ(message("--lr", "nan"), "stockpot: lr should lie in 0..100, found nan\n");
  EXPECT_NE(message("--sched", "step").find("schedule step needs milestones"), std::string::npos);
}

TEST(BadInput, RecipeWithATypo) {
  SmallWorld world;
  world.edit("recipe.yaml", "methods:", "method:");
  expect_refused(world, 2, {"recipe.yaml:9:1", "did you mean 'methods'?"});
}

TEST(BadInput, OutputFolderThatIsSomethingElse) {
  SmallWorld world;
  fs::create_directories(world / "out");
  std::ofstream(world / "out" / "thesis.txt") << "precious";
  const Outcome outcome = stockpot(world.path(), {"run", "recipe.yaml", "--out", "out"});
  EXPECT_EQ(outcome.code, 2) << outcome.err;
  EXPECT_NE(outcome.err.find("was not made by stockpot run"), std::string::npos) << outcome.err;
  EXPECT_EQ(slurp(world / "out" / "thesis.txt"), "precious");
}

TEST(BadInput, CudaWhereThereIsNone) {
  if (fs::exists("/dev/nvidia0")) GTEST_SKIP() << "this machine has a GPU";
  SmallWorld world;
  const Outcome outcome =
      stockpot(world.path(), {"run", "recipe.yaml", "--out", "out", "--device", "cuda"});
  EXPECT_EQ(outcome.code, 2) << outcome.err;
  EXPECT_NE(outcome.err.find("cuda"), std::string::npos) << outcome.err;
  EXPECT_FALSE(fs::exists(world / "out"));
}

// RLIMIT_FSIZE stands in for a full disk: writes past it fail with EFBIG, as they do with
// ENOSPC there.
TEST(BadInput, E05_FullDiskLeavesNoHalfWrittenRun) {
  SmallWorld world;
  Outcome outcome;
  const int code = in_child([&] {
    const rlimit limit{20000, 20000};
    setrlimit(RLIMIT_FSIZE, &limit);
    outcome = stockpot(world.path(), {"run", "recipe.yaml", "--out", "out"});
    return outcome.code;
  });
  EXPECT_EQ(code, 74);
  // A trial that was begun says who began it, and has neither a model nor a result.
  for (const auto& run : fs::directory_iterator(world / "out" / "runs"))
    for (const char* name : {"model", "result.json"})
      EXPECT_FALSE(fs::exists(run.path() / name)) << run.path();
  const Outcome again = stockpot(world.path(), {"run", "recipe.yaml", "--out", "out"});
  EXPECT_EQ(again.code, 0) << again.err;
}

TEST(BadInput, SoupOfModelsWithOtherClasses) {
  SmallWorld world;
  fs::copy(world / "model", world / "other", fs::copy_options::recursive);
  world.edit("other/config.json", "\"bowl\"", "\"basin\"");
  const Outcome outcome =
      stockpot(world.path(), {"soup", "uniform", "model", "other", "-o", "soup"});
  EXPECT_EQ(outcome.code, 3) << outcome.err;
  EXPECT_NE(outcome.err.find("class names"), std::string::npos) << outcome.err;
  EXPECT_FALSE(fs::exists(world / "soup"));
}

}  // namespace
}  // namespace stockpot
