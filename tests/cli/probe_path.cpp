// The linear probe as a user meets it: its whole path in every output, features made once, and
// what it says to bad input.
#include <gtest/gtest.h>

#include "program.h"
#include "stockpot/base/json.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  return files;
}

Outcome probe(const SmallWorld& world, const std::string& out, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"probe", "model", "--train", "train", "--val", "val", "--ood",
                             "shifted=val", "--out", out});
  return stockpot(world.path(), more);
}

TEST(ProbePath, IsInTheResultsTheReportAndOnTheTerminal) {
  SmallWorld world;
  const Outcome outcome = probe(world, "out");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("Linear probe: C = "), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("of 100 penalties from 1e-07 to 100"), std::string::npos);
  EXPECT_NE(slurp(world / "out/report.html").find("<canvas id=\"probe-path\""), std::string::npos);

  const Json results = Json::read(world / "out/results.json");
  const Json& path = *results.find("probe_path");
  EXPECT_EQ(path.find("scaling")->as_string(), "global");
  ASSERT_EQ(path.find("sets")->items().size(), 2U);
  EXPECT_EQ(path.find("sets")->items()[1].as_string(), "shifted");
  ASSERT_EQ(path.find("points")->items().size(), 100U);
  // The shifted set is the held-out set once more: scored from the kept heads it is the same.
  for (const Json& point : path.find("points")->items())
    EXPECT_EQ(point.find("scores")->items()[0], point.find("scores")->items()[1]);
  const auto chosen = static_cast<std::size_t>(path.find("chosen")->as_integer());
  const Json& lp = results.find("models")->items()[0];
  EXPECT_EQ(*path.find("points")->items()[chosen].find("scores")->items()[0].find("correct"),
            *lp.find("scores")->items()[0].find("correct"));
}

TEST(ProbePath, FeaturesAreMadeOnceAndLogitsAreThoseOfThePictures) {
  SmallWorld world;
  ASSERT_EQ(probe(world, "out", {"--feature-cache", "cache"}).code, 0);
  EXPECT_FALSE(fs::exists(world / "out/features"));
  // Training and held-out pictures; the shifted set has the pixels of the latter.
  const std::vector<fs::path> files = files_in(world / "cache");
  ASSERT_EQ(files.size(), 2U);
  std::vector<fs::file_time_type> times;
  for (const fs::path& file : files) times.push_back(fs::last_write_time(file));
  const Outcome again = probe(world, "other", {"--feature-cache", "cache"});
  ASSERT_EQ(again.code, 0) << again.err;
  for (std::size_t i = 0; i < files.size(); ++i) EXPECT_EQ(fs::last_write_time(files[i]), times[i]);
  EXPECT_EQ(slurp(world / "out/runs/lp/model/model.safetensors"),
            slurp(world / "other/runs/lp/model/model.safetensors"));

  const Outcome eval = stockpot(
      world.path(), {"eval", "out/runs/lp/model", "--val", "val", "--logits", "lp.safetensors"});
  ASSERT_EQ(eval.code, 0) << eval.err;
  EXPECT_EQ(slurp(world / "lp.safetensors"), slurp(world / "out/runs/lp/logits/val.safetensors"));
}

TEST(ProbePath, WithoutTheHeadsIsToldForTheHeldOutSetAlone) {
  SmallWorld world;
  ASSERT_EQ(probe(world, "out").code, 0);
  const Json before = *Json::read(world / "out/results.json").find("probe_path");
  // As a probe leaves it whose heads would be too many.
  ASSERT_TRUE(fs::remove(world / "out/runs/lp/path.safetensors"));
  const Outcome again = probe(world, "out");
  ASSERT_EQ(again.code, 0) << again.err;
  const Json after = *Json::read(world / "out/results.json").find("probe_path");
  ASSERT_EQ(after.find("sets")->items().size(), 1U);
  EXPECT_EQ(*after.find("chosen"), *before.find("chosen"));
  for (std::size_t i = 0; i < 100; ++i) {
    const Json &here = after.find("points")->items()[i], &there = before.find("points")->items()[i];
    ASSERT_EQ(here.find("scores")->items().size(), 1U);
    EXPECT_EQ(here.find("scores")->items()[0], there.find("scores")->items()[0]);
    EXPECT_EQ(*here.find("train"), *there.find("train"));
  }
  EXPECT_NE(slurp(world / "out/report.html").find("<canvas id=\"probe-path\""), std::string::npos);
}

TEST(ProbePath, ScalingByFeatureIsAnOption) {
  SmallWorld world;
  ASSERT_EQ(probe(world, "out", {"--scaling", "per_feature"}).code, 0);
  EXPECT_TRUE(fs::exists(world / "out/features"));
  EXPECT_EQ(Json::read(world / "out/results.json").find("probe_path")->find("scaling")->as_string(),
            "per_feature");
  // Another scaling is another probe: what is finished there is not taken for it.
  const Outcome other = probe(world, "out");
  EXPECT_EQ(other.code, 2);
  EXPECT_NE(other.err.find("scaling"), std::string::npos) << other.err;
}

TEST(ProbePath, ABadGridIsRefusedBeforeAnythingStarts) {
  const std::string grid = "{logspace: [-2, 1, 4]}";
  const std::pair<const char*, const char*> cases[] = {
      {"[0.1, 1, 1, 10]", "methods.lp.c"}, {"[-1, 1]", "methods.lp.c"}, {"[0, 1]", "methods.lp.c"}};
  for (const auto& [values, word] : cases) {
    SmallWorld world;
    world.edit("recipe.yaml", grid, values);
    const Outcome outcome = stockpot(world.path(), {"run", "recipe.yaml", "--out", "out"});
    EXPECT_EQ(outcome.code, 2) << values;
    EXPECT_NE(outcome.err.find(word), std::string::npos) << outcome.err;
    EXPECT_FALSE(fs::exists(world / "out"));
  }
}

TEST(ProbePath, OneClassInTrainingIsRefused) {
  SmallWorld world;
  std::vector<fs::path> classes = files_in(world / "train");
  for (std::size_t i = 1; i < classes.size(); ++i) fs::remove_all(classes[i]);
  const Outcome outcome = probe(world, "out");
  EXPECT_EQ(outcome.code, 2) << outcome.err;
  EXPECT_NE(outcome.err.find("class"), std::string::npos) << outcome.err;
}

TEST(ProbePath, AClassThatIsAbsentFromValIsWarnedOf) {
  SmallWorld world;
  fs::remove_all(files_in(world / "val").front());
  const Outcome outcome = probe(world, "out");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(slurp(world / "out/results.json")
                .find("1 class has no held-out rows, and no say in the choice of C"),
            std::string::npos);
}

TEST(ProbePath, AnOodSetWithoutACommonClassIsRefusedBeforeAnythingStarts) {
  SmallWorld world;
  fs::create_directories(world / "far" / "zeppelin");
  fs::copy(files_in(files_in(world / "val").front()).front(),
           world / "far" / "zeppelin" / "a.webp");
  const Outcome outcome = stockpot(world.path(), {"probe", "model", "--train", "train", "--val",
                                                  "val", "--ood", "far=far", "--out", "out"});
  EXPECT_NE(outcome.code, 0);
  EXPECT_NE(outcome.err.find("far"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("zeppelin"), std::string::npos) << outcome.err;
  EXPECT_FALSE(fs::exists(world / "out/runs/lp"));
}

}  // namespace
}  // namespace stockpot
