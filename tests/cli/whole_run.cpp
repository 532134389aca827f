// The whole way on a small model: what it leaves, that it continues, that it repeats itself.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstring>
#include <fstream>

#include "program.h"
#include "stockpot/base/json.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

Outcome run(const SmallWorld& world, const std::string& out, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"run", "recipe.yaml", "--out", out});
  return stockpot(world.path(), more);
}

TEST(WholeRun, LeavesModelsSoupsResultsAndReport) {
  SmallWorld world;
  const Outcome outcome = run(world, "out", {"--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json results = Json::parse(outcome.out, "stdout");
  EXPECT_EQ(results.find("schema_version")->as_integer(), 1);
  for (const char* file :
       {"results.json", "results.csv", "results.md", "report.html", "recipe.yaml", "run.json",
        "runs/lp/model/model.safetensors", "runs/ft-live-lr0.001-s0/metrics.jsonl",
        "runs/ft-frozen-lr0.003-s0/metrics.csv", "runs/lpft-frozen-lr0.001-s0/result.json",
        "runs/search-02/logits/val.safetensors", "soups/uniform/model/config.json",
        "soups/greedy/ledger.json"})
    EXPECT_TRUE(fs::exists(world / "out" / file)) << file;

  // What it leaves is a model folder like the one that came in.
  const Outcome eval = stockpot(world.path(), {"eval", "out/soups/greedy/model", "--val", "val",
                                               "--logits", "greedy.safetensors", "--json"});
  EXPECT_EQ(eval.code, 0) << eval.err;
  EXPECT_EQ(slurp(world / "greedy.safetensors"),
            slurp(world / "out/soups/greedy/logits/val.safetensors"));

  const Outcome report = stockpot(world.path(), {"report", "out", "-o", "again.html"});
  EXPECT_EQ(report.code, 0) << report.err;
  EXPECT_EQ(slurp(world / "again.html"), slurp(world / "out" / "report.html"));
}

TEST(WholeRun, GivesTheSameBytesTwiceAndRepeatsNothing) {
  SmallWorld world;
  ASSERT_EQ(run(world, "first").code, 0);
  ASSERT_EQ(run(world, "second").code, 0);
  EXPECT_EQ(lasting_files(world / "first"), lasting_files(world / "second"));
  const Outcome again = run(world, "first");
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.err.find("search-02: held-out"), std::string::npos);
  EXPECT_NE(again.err.find("(finished earlier)"), std::string::npos) << again.err;
  EXPECT_EQ(again.err.find(" s; about"), std::string::npos) << "trained something again";
}

TEST(WholeRun, SweepsInThreadsLeaveTheModelsOfSweepsInProcesses) {
  SmallWorld world;
  const auto sweep = [&](const std::string& out, const std::string& workers) {
    ASSERT_EQ(stockpot(world.path(), {"sweep", "init", "recipe.yaml", "--out", out}).code, 0);
    const Outcome end = stockpot(world.path(), {"sweep", "run", out, "--jobs", "3", "--threads",
                                                "3", "--workers", workers, "-q"});
    ASSERT_EQ(end.code, 0) << end.err << slurp(world.path() / out / "workers/0.log");
    EXPECT_EQ(std::filesystem::exists(world.path() / out / "workers/1.log"),
              workers == "processes");
  };
  sweep("forks", "processes");
  sweep("threads", "threads");
  for (const auto& run : std::filesystem::directory_iterator(world / "forks/runs"))
    EXPECT_EQ(slurp(run.path() / "model/model.safetensors"),
              slurp(world / "threads/runs" / run.path().filename() / "model/model.safetensors"))
        << run.path();
}

// Logits of one class only in the place of a model's: who believes them did not run the model.
void forge_logits(const fs::path& file, std::size_t rows, std::size_t classes) {
  std::string bytes = slurp(file);
  std::vector<float> logits(rows * classes);
  for (std::size_t i = 0; i < rows; ++i) logits[i * classes + 1] = 1;
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  const Json offsets =
      *Json::parse(bytes.substr(8, header), file).find("logits")->find("data_offsets");
  const auto begin = static_cast<std::size_t>(offsets.items().front().as_integer());
  std::memcpy(bytes.data() + 8 + header + begin, logits.data(), logits.size() * sizeof(float));
  std::ofstream(file, std::ios::binary) << bytes;
}

TEST(WholeRun, SoupsOfASweepNeedNoPassOfAModelByItself) {
  SmallWorld world;
  ASSERT_EQ(stockpot(world.path(), {"sweep", "init", "recipe.yaml", "--out", "s"}).code, 0);
  ASSERT_EQ(stockpot(world.path(), {"sweep", "run", "s", "-q"}).code, 0);
  const auto soup = [&](const std::string& out) {
    std::vector<std::string> command{"soup", "greedy"};
    for (const char* run : {"search-00", "search-01", "search-02"})
      command.push_back("s/runs/" + std::string(run) + "/model");
    command.insert(command.end(), {"--recipe", "s", "-o", out, "--json", "-q"});
    const Outcome outcome = stockpot(world.path(), command);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return Json::parse(outcome.out, "stdout");
  };
  const Json found = soup("found");
  const fs::path logits = world.path() / "s/runs/search-01/logits";
  forge_logits(logits / "val.safetensors", 10, 5);
  // Of each of the five classes two pictures are held out.
  EXPECT_EQ(
      soup("forged").find("candidates")->items()[1].find("alone")->find("correct")->as_integer(),
      2);
  for (const char* run : {"search-00", "search-01", "search-02"})
    fs::remove_all(world.path() / "s/runs" / run / "logits");
  const Json scored = soup("scored");
  for (const char* member : {"ingredients", "candidates", "held_out"})
    EXPECT_EQ(*found.find(member), *scored.find(member)) << member;
}

TEST(WholeRun, LayersThatTheModelLacksAreRefusedBeforeTheFirstTrial) {
  SmallWorld world;
  const std::string setting = "methods.ft.train={top: 500}";
  const Outcome alone =
      stockpot(world.path(), {"run", "recipe.yaml", "--out", "out", "--set", setting});
  EXPECT_EQ(alone.code, 2) << alone.err;
  EXPECT_FALSE(fs::exists(world / "out"));
  ASSERT_EQ(
      stockpot(world.path(), {"sweep", "init", "recipe.yaml", "--out", "s", "--set", setting}).code,
      0);
  const Outcome worker = stockpot(world.path(), {"sweep", "worker", "s"});
  EXPECT_EQ(worker.code, 2) << worker.err;
  EXPECT_FALSE(fs::exists(world / "s/runs/lp/model"));
}

TEST(WholeRun, SweepsInThreadsAreInterruptedAndContinued) {
  SmallWorld world;
  ASSERT_EQ(stockpot(world.path(), {"sweep", "init", "recipe.yaml", "--out", "s"}).code, 0);
  const std::vector<std::string> command{"sweep",     "run", "s",         "--jobs",  "2",
                                         "--threads", "2",   "--workers", "threads", "-q"};
  const Outcome stopped =
      stockpot_signalled(world.path(), command, world / "s/runs/lp/result.json", SIGTERM);
  EXPECT_EQ(stopped.code, 75) << stopped.err;
  EXPECT_EQ(stockpot(world.path(), command).code, 0);
}

TEST(WholeRun, InterruptedContinuesToTheSameBytes) {
  SmallWorld world;
  ASSERT_EQ(run(world, "whole").code, 0);
  const std::vector<std::string> command{"run", "recipe.yaml", "--out", "broken"};
  const Outcome stopped = stockpot_signalled(
      world.path(), command, world / "broken/runs/ft-frozen-lr0.001-s0/result.json", SIGTERM);
  EXPECT_EQ(stopped.code, 75) << stopped.err;
  const Outcome killed = stockpot_signalled(
      world.path(), command, world / "broken/runs/lpft-frozen-lr0.001-s0/result.json", SIGKILL);
  EXPECT_EQ(killed.code, 128 + SIGKILL);
  const Outcome finished = run(world, "broken");
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_EQ(lasting_files(world / "whole"), lasting_files(world / "broken"));
  for (const auto& entry : fs::directory_iterator(world / "broken/runs"))
    EXPECT_NE(entry.path().filename().string().front(), '.') << "left over: " << entry.path();
}

TEST(WholeRun, LooksAgainAtPicturesThatChangedUnderTheSameNames) {
  SmallWorld world;
  fs::copy(world / "val", world / "shifted", fs::copy_options::recursive);
  world.edit("recipe.yaml", "shifted: {imagefolder: val}", "shifted: {imagefolder: shifted}");
  const std::string text = slurp(world / "recipe.yaml");
  world.edit("recipe.yaml", text.substr(text.find("search:")), "");
  ASSERT_EQ(run(world, "out").code, 0);
  const fs::path logits = world / "out/runs/lpft-frozen-lr0.001-s0/logits";
  const std::string before = slurp(logits / "shifted.safetensors");
  const auto held_out_written = fs::last_write_time(logits / "val.safetensors");

  // Two pictures change places: same ids, same labels.
  std::vector<fs::path> pictures;
  for (const auto& folder : fs::directory_iterator(world / "shifted"))
    pictures.push_back(folder.path() / "2.webp");
  fs::rename(pictures[0], world / "kept");
  fs::rename(pictures[1], pictures[0]);
  fs::rename(world / "kept", pictures[1]);
  const Outcome again = run(world, "out");
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_NE(slurp(logits / "shifted.safetensors"), before);
  EXPECT_EQ(fs::last_write_time(logits / "val.safetensors"), held_out_written);
  const Outcome eval =
      stockpot(world.path(), {"eval", "out/runs/lpft-frozen-lr0.001-s0/model", "--ood",
                              "shifted=shifted", "--logits", "fresh.safetensors", "-q"});
  ASSERT_EQ(eval.code, 0) << eval.err;
  EXPECT_EQ(slurp(world / "fresh.safetensors"), slurp(logits / "shifted.safetensors"));
}

TEST(WholeRun, StartsFromABackboneWithoutAHead) {
  SmallWorld world;
  fs::copy(fs::path(STOCKPOT_SOURCE_DIR) / "tests/fixtures/model/vit-backbone", world / "backbone");
  world.edit("recipe.yaml", "{from: model}", "{from: backbone}");
  const std::string text = slurp(world / "recipe.yaml");
  world.edit("recipe.yaml", text.substr(text.find("  ft:")),
             "  ft: {lr: 1.0e-3}\n  lpft: {lr: 1.0e-3}\n");
  const Outcome outcome = run(world, "out");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json config = Json::read(world / "out/runs/lp/model/config.json");
  EXPECT_EQ(config.find("architectures")->items().front().as_string(), "ViTForImageClassification");
  EXPECT_EQ(config.find("id2label")->members().size(), 5U);
  EXPECT_EQ(stockpot(world.path(), {"eval", "out/runs/lp/model", "--val", "val"}).code, 0);
  EXPECT_NE(stockpot(world.path(), {"inspect", "backbone"})
                .out.find("none: a backbone that makes 16 features"),
            std::string::npos);
  const Outcome refused = stockpot(world.path(), {"eval", "backbone", "--val", "val"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("backbone without a head"), std::string::npos) << refused.err;
}

TEST(WholeRun, EndsWithItsOwnCodeWhenATrialWasLost) {
  SmallWorld world;
  const std::string text = slurp(world / "recipe.yaml");
  world.edit("recipe.yaml", text.substr(text.find("methods:")),
             "methods:\n  ft: {lr: [1.0e-3, 100], batchnorm: frozen}\n");
  world.edit("recipe.yaml", "train: {epochs: 2,", "train: {epochs: 2, optimizer: sgd,");
  const Outcome outcome = run(world, "out", {"--json"});
  EXPECT_EQ(outcome.code, 5) << outcome.err;
  EXPECT_NE(outcome.err.find("finished without ft-frozen-lr100-s0: diverged"), std::string::npos)
      << outcome.err;
  const Json results = Json::parse(outcome.out, "stdout");
  ASSERT_EQ(results.find("lost")->items().size(), 1U);
  EXPECT_EQ(results.find("models")->items().size(), 1U);
}

TEST(WholeRun, SaysWhereTheWindowOfSwadWas) {
  SmallWorld world;
  const std::string text = slurp(world / "recipe.yaml");
  world.edit("recipe.yaml", text.substr(text.find("methods:")),
             "methods:\n  ft: {lr: 1.0e-3, batchnorm: frozen}\n");
  // The loss can only lie above a threshold of nearly 0: the window is the first epoch.
  world.edit("recipe.yaml", "train: {epochs: 2,",
             "train: {epochs: 3, swad: {start: 1, end: 1, tolerance: 1.0e-6},");
  const Outcome outcome = run(world, "out", {"--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json result = Json::read(world / "out/runs/ft-frozen-lr0.001-s0/result.json");
  const Json* window = result.find("details")->find("swad");
  ASSERT_TRUE(window != nullptr && window->is_object()) << result.dump();
  EXPECT_EQ(window->find("first_epoch")->as_integer(), 1);
  EXPECT_EQ(window->find("last_epoch")->as_integer(), 1);
  EXPECT_EQ(window->find("first_step")->as_integer(), 1);
  EXPECT_TRUE(window->find("ended")->as_bool());
  std::int64_t pictures = 0;
  for (const auto& entry : fs::recursive_directory_iterator(world / "train"))
    pictures += entry.is_regular_file();
  const std::int64_t steps = (pictures + 3) / 4;
  EXPECT_EQ(window->find("last_step")->as_integer(), steps);
  EXPECT_TRUE(fs::exists(world / "out/runs/ft-frozen-lr0.001-s0/averages/swad/config.json"));
  EXPECT_NE(outcome.out.find("epochs 1 to 1 of 3, steps 1 to " + std::to_string(steps) +
                             "; then the held-out loss rose"),
            std::string::npos)
      << outcome.out;
}

TEST(WholeRun, RefusesToContinueWithOtherSettings) {
  SmallWorld world;
  world.edit("recipe.yaml", "runs: 3", "runs: 2");
  ASSERT_EQ(run(world, "out").code, 0);
  world.edit("recipe.yaml", "batch: 4", "batch: 5");
  const Outcome outcome = run(world, "out");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("settings.batch is 4 there, 5 here"), std::string::npos)
      << outcome.err;
}

TEST(WholeRun, UniformSoupOfCopiesIsTheCopy) {
  SmallWorld world;
  const Outcome one = stockpot(world.path(), {"soup", "uniform", "model", "model", "-o", "two"});
  ASSERT_EQ(one.code, 0) << one.err;
  const Outcome three =
      stockpot(world.path(), {"soup", "uniform", "model", "model", "model", "-o", "three"});
  ASSERT_EQ(three.code, 0) << three.err;
  EXPECT_EQ(slurp(world / "two/model.safetensors"), slurp(world / "three/model.safetensors"));
}

TEST(WholeRun, SingleMethodsRunFromFlags) {
  SmallWorld world;
  const Outcome lpft = stockpot(
      world.path(), {"lpft", "model", "--train", "train", "--val", "val", "--ood", "shifted=val",
                     "--out", "lpft", "--lr", "1e-3", "--epochs", "1", "--batch", "4"});
  EXPECT_EQ(lpft.code, 0) << lpft.err;
  EXPECT_TRUE(fs::exists(world / "lpft/runs/lpft-frozen-lr0.001-s0/model/model.safetensors"));
  const Outcome soup =
      stockpot(world.path(), {"soup", "greedy", "lpft/runs/lp/model",
                              "lpft/runs/lpft-frozen-lr0.001-s0/model", "--val", "val", "-o", "s"});
  EXPECT_EQ(soup.code, 0) << soup.err;
  EXPECT_TRUE(fs::exists(world / "s/model/model.safetensors"));
  EXPECT_TRUE(fs::exists(world / "s/ledger.json"));
}

}  // namespace
}  // namespace stockpot
