// interpolate with sets, ensemble, calibrate, soup curve, soup --bn and means along a run.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "soup_models.h"
#include "stockpot/base/json.h"
#include "stockpot/checkpoint/safetensors.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

class Mix : public ::testing::Test {
 protected:
  Outcome run(std::vector<std::string> arguments) {
    arguments.push_back("-q");
    return stockpot(world.path(), arguments);
  }
  Json json(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return Json::parse(outcome.out, "stdout");
  }
  // Right rows of a model on `train`, by eval.
  std::int64_t correct(const std::string& model) {
    const Json report = json({"eval", model, "--val", "train"});
    return report.find("models")
        ->items()[0]
        .find("scores")
        ->items()[0]
        .find("correct")
        ->as_integer();
  }

  SmallWorld world;
  std::vector<std::string> names = near_models(world, 5);
};

TEST_F(Mix, InterpolateEvaluatesChoosesAndWritesTheModelOfItsChoice) {
  const Json curve = json({"interpolate", "m0", "m1", "--alphas", "0.25,0.5,0.75", "--val", "train",
                           "--ood", "shifted=val", "--report", "wise", "-o", "chosen"});
  const auto& points = curve.find("points")->items();
  ASSERT_EQ(points.size(), 5u);  // and the ends
  const auto right = [&](std::size_t i) {
    return points[i].find("sets")->find("val")->find("correct")->as_integer();
  };
  EXPECT_EQ(right(0), correct("m0"));
  EXPECT_EQ(right(4), correct("m1"));
  std::int64_t most = 0;
  for (std::size_t i = 0; i < points.size(); ++i) most = std::max(most, right(i));
  const double alpha = curve.find("chosen")->find("alpha")->as_number();
  for (std::size_t i = 0; i < points.size(); ++i)
    if (points[i].find("alpha")->as_number() == alpha) {
      EXPECT_EQ(right(i), most);
      EXPECT_EQ(points[i].find("test")->find("p")->as_number(), 1);
    }
  EXPECT_EQ(correct("chosen"), most);
  EXPECT_EQ(stockpot(world.path(), {"verify", "chosen"}).code, 0);
  EXPECT_NE(curve.find("barriers")->find("shifted"), nullptr);
  for (const char* file : {"interpolation.json", "interpolation.html"})
    EXPECT_TRUE(fs::exists(world / ("wise/" + std::string(file)))) << file;
  EXPECT_NE(slurp(world / "wise/interpolation.html").find("<polyline"), std::string::npos);
  // Finished pages are not replaced silently.
  EXPECT_EQ(run({"interpolate", "m0", "m1", "--val", "train", "--report", "wise"}).code, 2);
}

TEST_F(Mix, ARecipeNamesTheSets) {
  const std::vector<std::string> sets = {"--val", "val", "--ood", "shifted=val"};
  const auto with = [](std::vector<std::string> command, const std::vector<std::string>& more) {
    command.insert(command.end(), more.begin(), more.end());
    return command;
  };
  const std::vector<std::string> recipe = {"--recipe", "recipe.yaml"};
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"ensemble", "m0", "m1", "m2"},
        {"calibrate", "m0", "m1"},
        {"eval", "m0", "m1"}})
    EXPECT_EQ(json(with(command, recipe)).dump(), json(with(command, sets)).dump()) << command[0];
  ASSERT_EQ(run({"soup", "greedy", "m0", "m1", "m2", "--recipe", "recipe.yaml", "-o", "a"}).code,
            0);
  ASSERT_EQ(run({"soup", "greedy", "m0", "m1", "m2", "--val", "val", "-o", "b"}).code, 0);
  EXPECT_EQ(slurp(world / "a/model/model.safetensors"), slurp(world / "b/model/model.safetensors"));
  EXPECT_EQ(run({"soup", "learned", "m0", "m1", "--recipe", "recipe.yaml", "--epochs", "1", "-o",
                 "learned"})
                .code,
            0);
  const Outcome none = run({"calibrate", "m0", "--recipe", "train"});
  EXPECT_EQ(none.code, 2);
  EXPECT_NE(none.err.find("it has no recipe.yaml"), std::string::npos) << none.err;
  const Outcome twice = run({"calibrate", "m0", "--recipe", "recipe.yaml", "--val", "train"});
  EXPECT_EQ(twice.code, 2);
  EXPECT_NE(twice.err.find("two sets are called val"), std::string::npos) << twice.err;
}

TEST_F(Mix, InterpolateWithoutSetsStillNeedsAnOutput) {
  const Outcome outcome = run({"interpolate", "m0", "m1"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("interpolate needs -o OUTPUT"), std::string::npos) << outcome.err;
  EXPECT_EQ(run({"interpolate", "m0", "m1", "--id", "train", "-o", "x"}).code, 2);
  EXPECT_EQ(run({"interpolate", "m0", "m1", "--val", "train", "--head", "skip"}).code, 2);
}

TEST_F(Mix, InterpolationEndsAreTheModelsWithTheirBatchNormStatistics) {
  ASSERT_EQ(run({"interpolate", "m0", "m1", "--alphas", "0,1", "-o", "ends"}).code, 0);
  for (const std::string end : {"0", "1"}) {
    const Checkpoint model = Checkpoint::open(world / ("m" + end));
    const Checkpoint written = Checkpoint::open(world / ("ends/alpha-" + end));
    for (const TensorView& tensor : model.tensors())
      EXPECT_TRUE(std::ranges::equal(tensor.bytes, written.at(tensor.name).bytes)) << tensor.name;
  }
}

TEST_F(Mix, EnsembleIsTheSameFromModelsAndFromTheirLogits) {
  std::vector<std::string> models{"ensemble"};
  models.insert(models.end(), names.begin(), names.end());
  models.insert(models.end(), {"--val", "train", "--ood", "shifted=val"});
  std::vector<std::string> first = models;
  first.insert(first.end(), {"--soup", "--logits", "logits", "-o", "page"});
  const Json computed = json(first), again = json(models);
  ASSERT_EQ(computed.find("rows")->items().size(), 5u);
  EXPECT_EQ(*computed.find("ledger"), *again.find("ledger"));
  std::vector<std::string> stored{"ensemble"};
  for (const auto& folder : fs::directory_iterator(world / "logits"))
    stored.push_back("logits/" + folder.path().filename().string());
  std::sort(stored.begin() + 1, stored.end());  // named after the models
  const Json from_files = json(stored);
  for (std::size_t i = 0; i < 3; ++i) {
    const Json& a = computed.find("rows")->items()[i];
    const Json& b = from_files.find("rows")->items()[i];
    EXPECT_EQ(*a.find("passes"), *b.find("passes"));
    for (const std::string set : {"val", "shifted"})
      EXPECT_EQ(*a.find("sets")->find(set), *b.find("sets")->find(set)) << i << set;
  }
  EXPECT_TRUE(fs::exists(world / "page/ensemble.html"));
}

TEST_F(Mix, CalibrateLowersTheHeldOutLossAndKeepsTheAccuracy) {
  const Json study = json({"calibrate", "m0", "m1", "--val", "train", "--ood", "shifted=val",
                           "--ensemble", "--soup", "--bins", "5", "-o", "page"});
  ASSERT_EQ(study.find("models")->items().size(), 4u);
  for (const Json& model : study.find("models")->items()) {
    const Json& held_out = model.find("sets")->items()[0];
    EXPECT_LE(held_out.find("after")->find("nll")->as_number(),
              held_out.find("before")->find("nll")->as_number() + 1e-12);
    EXPECT_GT(model.find("temperature")->as_number(), 0);
    EXPECT_LE(held_out.find("before")->find("bins_mass")->items().size(), 5u);
  }
  EXPECT_EQ(study.find("models")->items()[0].find("sets")->items()[0].find("correct")->as_integer(),
            correct("m0"));
  EXPECT_TRUE(fs::exists(world / "page/calibration.html"));
}

TEST_F(Mix, CalibrateTakesAFileOfLogits) {
  ASSERT_EQ(run({"eval", "m0", "--val", "train", "--logits", "m0.safetensors"}).code, 0);
  const Json study = json({"calibrate", "m0.safetensors"});
  const Json direct = json({"calibrate", "m0", "--val", "train"});
  EXPECT_EQ(*study.find("models")->items()[0].find("temperature"),
            *direct.find("models")->items()[0].find("temperature"));
  EXPECT_EQ(run({"calibrate", "m0"}).code, 2);  // no held-out data
}

TEST_F(Mix, SoupCurveNestsSubsetsAndEndsAtAllModels) {
  std::vector<std::string> arguments{"soup", "curve"};
  arguments.insert(arguments.end(), names.begin(), names.end());
  arguments.insert(arguments.end(), {"--val", "train", "--ood", "shifted=val", "--sizes", "1,3,5",
                                     "--repeats", "3", "--seed", "4", "-o", "page"});
  const Json study = json(arguments);
  const auto& soups = study.find("soups")->items();
  ASSERT_EQ(soups.size(), 3u * 3 * 4);
  std::int64_t best = 0;
  for (const std::string& name : names) best = std::max(best, correct(name));
  for (const Json& soup : soups) {
    const std::string method = soup.find("method")->as_string();
    const std::int64_t size = soup.find("size")->as_integer();
    const auto members = static_cast<std::int64_t>(soup.find("members")->items().size());
    const std::int64_t right = soup.find("sets")->find("val")->find("correct")->as_integer();
    if (method == "uniform") {
      EXPECT_EQ(members, size);
    }
    if (size == 1) {
      EXPECT_EQ(members, 1);
    }
    if (method == "best single" && size == 5) {
      EXPECT_EQ(right, best);
    }
    if (method == "greedy" && size == 5) {
      EXPECT_GE(right, best);
    }
  }
  ASSERT_EQ(run({"soup", "uniform", "m0", "m1", "m2", "m3", "m4", "-o", "all"}).code, 0);
  const std::int64_t all = correct("all");
  for (const Json& soup : soups)
    if (soup.find("method")->as_string() == "uniform" && soup.find("size")->as_integer() == 5) {
      EXPECT_EQ(soup.find("sets")->find("val")->find("correct")->as_integer(), all);
    }
  EXPECT_TRUE(fs::exists(world / "page/curve.html"));
}

TEST_F(Mix, BnCompareScoresEachPolicyAndWritesTheBest) {
  const Json compared = json({"soup", "uniform", "m0", "m1", "m2", "--bn", "compare", "--val",
                              "train", "--bn-data", "val", "-o", "best"});
  const auto& scores = compared.find("comparison")->find("scores")->items();
  ASSERT_EQ(scores.size(), 4u);
  std::int64_t most = 0;
  for (const Json& score : scores) {
    const std::string policy = score.find("policy")->as_string();
    const std::int64_t right = score.find("correct")->as_integer();
    most = std::max(most, right);
    std::vector<std::string> alone{"soup", "uniform", "m0", "m1",  "m2",
                                   "--bn", policy,    "-o", policy};
    if (policy == "recompute") alone.insert(alone.end(), {"--bn-data", "val"});
    ASSERT_EQ(run(alone).code, 0) << policy;
    EXPECT_EQ(correct(policy), right) << policy;
  }
  EXPECT_EQ(correct("best"), most);
  EXPECT_EQ(run({"soup", "uniform", "m0", "m1", "--bn", "compare", "-o", "x"}).code, 2);
}

// Types and files of the weights in a folder.
void expect_half_in_shards(const fs::path& folder) {
  EXPECT_TRUE(fs::exists(folder / "model.safetensors.index.json")) << folder;
  EXPECT_FALSE(fs::exists(folder / "model.safetensors")) << folder;
  EXPECT_TRUE(fs::exists(folder / "config.json")) << folder;
  const Checkpoint model = Checkpoint::open(folder);
  for (const TensorView& tensor : model.tensors())
    if (row(tensor.dtype).floating) {
      EXPECT_EQ(tensor.dtype, Dtype::bf16) << tensor.name;
    }
}

TEST_F(Mix, RecomputedStatisticsAreWrittenInTheTypeAndTheShardsThatAreAskedFor) {
  const std::vector<std::string> how{"--bn",    "recompute", "--bn-data",    "val",
                                     "--dtype", "bf16",      "--shard-size", "20KB"};
  const auto with_how = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), how.begin(), how.end());
    return run(arguments);
  };
  const Outcome uniform = with_how({"soup", "uniform", "m0", "m1", "-o", "uniform"});
  ASSERT_EQ(uniform.code, 0) << uniform.err;
  expect_half_in_shards(world / "uniform");
  const Outcome greedy = with_how({"soup", "greedy", "m0", "m1", "--val", "train", "-o", "greedy"});
  ASSERT_EQ(greedy.code, 0) << greedy.err;
  expect_half_in_shards(world / "greedy/model");
  EXPECT_NE(slurp(world / "greedy/result.json").find("written as bf16"), std::string::npos);
  const Outcome line =
      with_how({"interpolate", "m0", "m1", "--alphas", "0.5", "--val", "train", "-o", "line"});
  ASSERT_EQ(line.code, 0) << line.err;
  expect_half_in_shards(world / "line");

  // Rounded from what is written without the flags.
  ASSERT_EQ(
      run({"soup", "uniform", "m0", "m1", "--bn", "recompute", "--bn-data", "val", "-o", "full"})
          .code,
      0);
  ASSERT_EQ(run({"convert", "full", "rounded", "--dtype", "bf16"}).code, 0);
  const Checkpoint written = Checkpoint::open(world / "uniform"),
                   rounded = Checkpoint::open(world / "rounded");
  for (const TensorView& tensor : rounded.tensors())
    EXPECT_TRUE(std::ranges::equal(tensor.bytes, written.at(tensor.name).bytes)) << tensor.name;
  EXPECT_EQ(with_how({"soup", "uniform", "m0", "m1", "-o", "x", "--shard-size", "a"}).code, 2);
}

TEST_F(Mix, UniformSoupsPlanAndReplaceAsAverageDoes) {
  const std::vector<std::vector<std::string>> ways{
      {"average", "m0", "m1", "-o", "a"},
      {"soup", "uniform", "m0", "m1", "-o", "b"},
      {"soup", "uniform", "m0", "m1", "--bn", "recompute", "--bn-data", "val", "-o", "c"},
      {"soup", "uniform", "m0", "m1", "--bn", "compare", "--val", "train", "-o", "d"}};
  for (const std::vector<std::string>& way : ways) {
    const auto with = [&](const std::string& flag) {
      std::vector<std::string> arguments = way;
      if (!flag.empty()) arguments.push_back(flag);
      return run(arguments);
    };
    const fs::path output = world / way.back();
    const Outcome plan = with("--dry-run");
    EXPECT_EQ(plan.code, 0) << plan.err;
    EXPECT_NE(plan.out.find("write  " + way.back()), std::string::npos) << plan.out;
    EXPECT_FALSE(fs::exists(output));
    ASSERT_EQ(with("").code, 0);
    const std::string first = slurp(output / "model.safetensors");
    const Outcome again = with("");
    EXPECT_EQ(again.code, 2);
    EXPECT_NE(again.err.find("exists already; --overwrite replaces it"), std::string::npos)
        << again.err;
    std::ofstream(output / "model.safetensors") << "something else";
    EXPECT_EQ(with("--overwrite").code, 0);
    EXPECT_EQ(slurp(output / "model.safetensors"), first);
  }
}

TEST_F(Mix, EnsemblesOfCorruptedCopiesAreJudgedOverPictures) {
  const Json study = json({"ensemble", "m0", "m1", "--val", "train", "--ood",
                           "noisy=val,corrupt=impulse_noise", "--ood", "one=val,corrupt=jpeg:3"});
  const Json& sets = *study.find("rows")->items()[1].find("sets");
  for (const char* set : {"noisy", "one"}) {
    EXPECT_GT(sets.find(set)->find("p")->as_number(), 0) << set;
    EXPECT_LE(sets.find(set)->find("p")->as_number(), 1) << set;
  }
  const Json& noisy = *sets.find("noisy");
  const Accuracy counts{noisy.find("correct")->as_integer(), noisy.find("total")->as_integer()};
  const Interval rows = wilson_interval(counts);
  EXPECT_GE(noisy.find("high")->as_number() - noisy.find("low")->as_number(),
            rows.high - rows.low - 1e-12);
}

TEST_F(Mix, ChoicesOnCorruptedCopiesAreTestedOverPictures) {
  const std::string noisy = "train,corrupt=impulse_noise", one = "train,corrupt=jpeg:3";
  const Json line = json({"interpolate", "m0", "m1", "--alphas", "0.5", "--val", noisy}),
             single = json({"interpolate", "m0", "m1", "--alphas", "0.5", "--val", one});
  const std::int64_t rows =
      single.find("points")->items()[0].find("sets")->find("val")->find("total")->as_integer();
  for (const Json& point : line.find("points")->items()) {
    EXPECT_EQ(point.find("test")->find("pictures")->as_integer(), rows);
    EXPECT_EQ(point.find("sets")->find("val")->find("total")->as_integer(), 5 * rows);
  }
  for (const Json& point : single.find("points")->items()) {
    const Json& test = *point.find("test");
    EXPECT_EQ(test.find("pictures"), nullptr);
    EXPECT_EQ(test.find("p")->as_number(),
              mcnemar(test.find("only_best")->as_integer(), test.find("only_this")->as_integer()));
  }
  const Json greedy = json({"soup", "greedy", "m0", "m1", "--val", noisy, "-o", "greedy"});
  EXPECT_EQ(greedy.find("ledger")->items()[1].find("test")->find("pictures")->as_integer(), rows);
}

// Changes what a logits store says of itself; "": no more.
void say(const fs::path& file, const std::string& what, const std::string& value) {
  std::map<std::string, std::string> metadata;
  std::vector<OwnedTensor> tensors;
  {
    const SafetensorsFile store(file);
    metadata = store.metadata();
    for (const TensorView& view : store.tensors())
      tensors.push_back(
          {view.name, view.dtype, view.shape, {view.bytes.begin(), view.bytes.end()}});
  }
  metadata.erase(what);
  if (!value.empty()) metadata[what] = value;
  std::vector<TensorView> views;
  for (const OwnedTensor& tensor : tensors) views.push_back(tensor.view());
  write_safetensors(file, views, metadata);
}

TEST_F(Mix, StoredLogitsOfOtherPicturesModelsOrArithmeticAreRefused) {
  const std::vector<std::string> eval{"eval",  "m0",      "m1",       "--val", "train",
                                      "--ood", "far=val", "--logits", "logits"};
  const std::vector<std::vector<std::string>> commands{{"ensemble", "logits/m0", "logits/m1"},
                                                       {"calibrate", "logits/m0", "logits/m1"}};
  ASSERT_EQ(run(eval).code, 0);
  for (const auto& command : commands) EXPECT_EQ(run(command).code, 0) << command[0];
  const fs::path file = world / "logits/m1/far.safetensors";
  for (const auto& [what, word] : {std::pair{"examples", "other pictures (999, expected "},
                                   {"model", "another model (999, expected "},
                                   {"arithmetic", "another arithmetic (999, expected cpu)"}}) {
    say(file, what, "999");
    for (const auto& command : commands) {
      const Outcome outcome = run(command);
      EXPECT_EQ(outcome.code, 3) << command[0] << what;
      EXPECT_NE(outcome.err.find("logits/m1/far.safetensors: holds logits of " + std::string(word)),
                std::string::npos)
          << outcome.err;
    }
    // Other programs need not say it.
    say(file, what, "");
    for (const auto& command : commands) EXPECT_EQ(run(command).code, 0) << command[0] << what;
    ASSERT_EQ(run(eval).code, 0);
  }
}

TEST_F(Mix, GreedySoupsTakeTheSamePolicies) {
  const Outcome outcome = run(
      {"soup", "greedy", "m0", "m1", "m2", "--val", "train", "--bn", "compare", "-o", "greedy"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json result = Json::read(world / "greedy/result.json");
  const Json* table = result.find("batchnorm");
  ASSERT_EQ(table->find("scores")->items().size(), 4u);
  std::int64_t taken = 0;
  for (const Json& score : table->find("scores")->items())
    if (*score.find("policy") == *table->find("chosen"))
      taken = score.find("correct")->as_integer();
  EXPECT_EQ(correct("greedy/model"), taken);
}

TEST_F(Mix, EmaAndSwadAverageAlongARun) {
  ASSERT_EQ(run({"average", "m0", "m1", "m2", "--ema", "0.75", "-o", "ema"}).code, 0);
  ASSERT_EQ(
      run({"average", "m0", "m1", "m2", "--weights", "0.5625,0.1875,0.25", "-o", "weighted"}).code,
      0);
  EXPECT_EQ(slurp(world / "ema/model.safetensors"), slurp(world / "weighted/model.safetensors"));
  EXPECT_EQ(stockpot(world.path(), {"verify", "ema"}).code, 0);
  std::ofstream(world / "losses.csv") << "model,loss\nm0,3\nm1,1\nm2,1.2\nm3,1.1\nm4,5\n";
  const std::vector<std::string> swad{"average",    "m4",     "m3",         "m2",           "m1",
                                      "m0",         "--swad", "losses.csv", "--swad-start", "2",
                                      "--swad-end", "1",      "-o",         "swad"};
  ASSERT_EQ(run(swad).code, 0);
  ASSERT_EQ(run({"average", "m1", "m2", "m3", "-o", "window"}).code, 0);
  EXPECT_EQ(slurp(world / "swad/model.safetensors"), slurp(world / "window/model.safetensors"));
  std::ofstream(world / "falling.csv") << "model,loss\nm0,5\nm1,4\nm2,3\n";
  const Outcome none = run({"average", "m0", "m1", "m2", "--swad", "falling.csv", "-o", "x"});
  EXPECT_EQ(none.code, 3);
  EXPECT_NE(none.err.find("no valley"), std::string::npos) << none.err;
}

TEST_F(Mix, DryRunsReadNoPictures) {
  for (const std::vector<std::string>& command : {std::vector<std::string>{"ensemble", "m0", "m1"},
                                                  {"calibrate", "m0"},
                                                  {"soup", "curve", "m0", "m1"},
                                                  {"interpolate", "m0", "m1"}}) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--val", "nowhere", "--dry-run"});
    const Json plan = json(arguments);
    EXPECT_TRUE(plan.find("dry_run")->as_bool());
  }
}

}  // namespace
}  // namespace stockpot
