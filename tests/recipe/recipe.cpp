#include "recipe_test.h"
#include "stockpot/recipe/resolved.h"

namespace stockpot {
namespace {

const char* const kWhole = R"(version: 1
title: Photos to sketches
model: {from: model}
data:
  train: {imagefolder: photos}
  val: {split_from: train, fraction: 0.1, seed: 3}
  test:
    ood:
      sketch: {imagefolder: sketches, class_map: {hound: dog, plane: null}}
train: {epochs: 5, lr: 1e-4, augment: minimal}
methods:
  lp: {c: {logspace: [-2, 2, 5]}}
  ft: {lr: [1e-4, 1e-3], batchnorm: live}
  lpft: {epochs: 3}
search:
  runs: 4
  seed: 9
  space:
    lr: {loguniform: [1e-5, 1e-3]}
    augment: {choice: [minimal, strong]}
    label_smoothing: {mixture: [{p: 0.5, value: 0}, {p: 0.5, uniform: [0, 0.25]}]}
soup: {accept: strict, include_init: true}
run: {seed: 1, seeds: 3}
)";

TEST_F(RecipeTest, ReadsEverySection) {
  const Recipe recipe = parse(kWhole);
  EXPECT_EQ(recipe.title, "Photos to sketches");
  EXPECT_EQ(recipe.model, folder_ / "model");
  EXPECT_EQ(recipe.train.sources.at(0).path, folder_ / "photos");
  EXPECT_FALSE(recipe.held_out.has_value());
  EXPECT_DOUBLE_EQ(recipe.held_out_split.fraction, 0.1);
  EXPECT_EQ(recipe.held_out_split.seed, 3u);
  ASSERT_EQ(recipe.ood.size(), 1u);
  EXPECT_EQ(recipe.ood[0].first, "sketch");
  EXPECT_EQ(recipe.ood[0].second.class_map.at("hound"), "dog");
  EXPECT_EQ(recipe.ood[0].second.class_map.at("plane"), "");
  ASSERT_EQ(recipe.probe_c.size(), 5u);
  EXPECT_DOUBLE_EQ(recipe.probe_c.front(), 0.01);
  EXPECT_DOUBLE_EQ(recipe.probe_c.back(), 100);
  EXPECT_EQ(recipe.ft.learning_rates, (std::vector<double>{1e-4, 1e-3}));
  EXPECT_EQ(recipe.ft.batchnorm, (std::vector<std::string>{"live"}));
  EXPECT_EQ(recipe.ft.settings.epochs, 5);
  EXPECT_EQ(recipe.lpft.settings.epochs, 3);
  EXPECT_EQ(recipe.lpft.learning_rates, kDefaultLpftRates);
  EXPECT_EQ(recipe.lpft.batchnorm, (std::vector<std::string>{"frozen"}));
  EXPECT_EQ(recipe.search_runs, 4);
  EXPECT_TRUE(recipe.accept_strict);
  EXPECT_TRUE(recipe.include_init);
  EXPECT_EQ(recipe.seeds, 3);
}

TEST_F(RecipeTest, SearchRunsDrawFromTheSpaceOverTheSharedSettings) {
  const Recipe recipe = parse(kWhole);
  for (std::int64_t i = 0; i < recipe.search_runs; ++i) {
    const TrainSettings settings = search_run(recipe, i);
    EXPECT_EQ(settings.epochs, 5);
    EXPECT_GE(settings.lr, 1e-5);
    EXPECT_LE(settings.lr, 1e-3);
    EXPECT_TRUE(settings.augment == "minimal" || settings.augment == "strong");
    EXPECT_EQ(settings.all(), search_run(recipe, i).all());
  }
}

TEST_F(RecipeTest, ReportsEveryProblemAtOnceWithItsLine) {
  const std::string message = problems(R"(version: 1
modle: {from: model}
model: {from: nowhere}
data:
  train: {imagefolder: photos}
  test: {ood: {sketch: {imagefolder: missing}}}
train: {epochs: ten, lr: -1, augmnt: none}
methods: {lp: , ft: {batchnorm: melted}}
search: {runs: 2, space: {lr: {loguniform: [0, 1]}, epochs: {int: [1, 2.5]}}}
)");
  EXPECT_NE(message.find("r.yaml:2:1: unknown key 'modle' in the recipe; did you mean 'model'?"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("r.yaml:3:15: model.from: no such file or folder"), std::string::npos);
  EXPECT_NE(message.find("data.val is missing"), std::string::npos);
  EXPECT_NE(message.find("r.yaml:6:38: data.test.ood.sketch.imagefolder: no such file"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("epochs should be a whole number"), std::string::npos);
  EXPECT_NE(message.find("lr should lie in 0..100, found -1"), std::string::npos);
  EXPECT_NE(message.find("unknown setting 'augmnt'; did you mean 'augment'?"), std::string::npos);
  EXPECT_NE(message.find("methods.ft.batchnorm should be 'frozen' or 'live'"), std::string::npos);
  EXPECT_NE(message.find("search.space.lr.loguniform should be above 0"), std::string::npos);
  EXPECT_NE(message.find("search.space.epochs.int should have whole numbers"), std::string::npos);
}

TEST_F(RecipeTest, RefusesARecipeWithoutHeldOutData) {
  EXPECT_NE(problems("version: 1\nmodel: model\ndata: {train: photos}\nmethods: {lp: }\n")
                .find("data.val is missing: learning rates, epochs, penalties and soups are "
                      "chosen on held-out data"),
            std::string::npos);
}

TEST_F(RecipeTest, LpFtAndSearchNeedTheLinearProbe) {
  const std::string message = problems(
      "version: 1\nmodel: model\ndata: {train: photos, val: photos}\nmethods: {lpft: }\n"
      "search: {runs: 2, space: {epochs: 3}}\n");
  EXPECT_NE(message.find("methods.lpft starts from the linear probe"), std::string::npos);
  EXPECT_NE(message.find("search starts every run from the linear probe"), std::string::npos);
}

TEST_F(RecipeTest, RefusesAnotherVersion) {
  EXPECT_NE(problems("version: 2\n").find("version: 1 is required"), std::string::npos);
}

TEST_F(RecipeTest, IdentityIsThatOfTheTrainingDataNotOfTheTestSets) {
  const Recipe recipe = parse(kWhole);
  Recipe other = recipe;
  other.ood.clear();
  other.seeds = 1;
  EXPECT_EQ(recipe.identity(), other.identity());
  other.train.sources[0].split = "train";
  EXPECT_NE(recipe.identity(), other.identity());
}

TEST_F(RecipeTest, ReadsTheTimesOfCheckpointsAndHeartbeats) {
  const Recipe recipe = parse(
      with_data("methods: {lp: }\ncheckpoint: {every: 10m, keep: 3}\non_failure: {retries: 5}\n"
                "heartbeat: {every: 1.5s, stale_after: 2h}\nrun: {jobs: 4}\n"));
  EXPECT_EQ(recipe.checkpoint_every, 600);
  EXPECT_EQ(recipe.checkpoint_keep, 3);
  EXPECT_EQ(recipe.retries, 5);
  EXPECT_EQ(recipe.heartbeat_every, 1.5);
  EXPECT_EQ(recipe.heartbeat_stale, 7200);
  EXPECT_EQ(recipe.jobs, 4);
  const std::string message =
      problems(with_data("methods: {lp: }\ncheckpoint: {every: 10}\n"
                         "heartbeat: {every: 2m, stale_aftr: 5m, stale_after: 90s}\n"));
  EXPECT_CONTAINS(message,
                  "r.yaml:5:21: checkpoint.every should be a duration such as 15s, 10m or 2h");
  EXPECT_CONTAINS(message, "unknown key 'stale_aftr' in heartbeat; did you mean 'stale_after'?");
  EXPECT_CONTAINS(message, "heartbeat.stale_after should be longer than heartbeat.every");
}

TEST_F(RecipeTest, ATitleIsText) {
  EXPECT_CONTAINS(problems(with_data("methods: {lp: }\ntitle: {a: b}\n")),
                  "r.yaml:5:8: title should be text, found a map");
}

TEST_F(RecipeTest, ReadsCorruptionsSuperclassesAndChoicesOnOodData) {
  const std::string text =
      "version: 1\nmodel: model\ndiagnose: false\ndata:\n"
      "  train: {imagefolder: photos, class_map: {poodle: dog, tabby: cat}, only_mapped: true}\n"
      "  val: sketches\n  val_is_ood: true\n  test:\n    ood:\n"
      "      noisy: {imagefolder: photos, corrupt: [shot_noise, \"jpeg:3\"]}\n"
      "methods: {lp: , lpft: }\n";
  const Recipe recipe = parse(text);
  EXPECT_TRUE(recipe.train.only_mapped);
  EXPECT_TRUE(recipe.held_out_is_ood);
  EXPECT_FALSE(recipe.diagnoses());
  const std::vector<Corruption>& noisy = recipe.ood.at(0).second.sources.at(0).corruptions;
  ASSERT_EQ(noisy.size(), 6u);
  EXPECT_EQ(to_text(noisy.back()), "jpeg:3");
  const Recipe again = Recipe::parse(resolved_yaml(recipe), folder_ / "x.yaml");
  EXPECT_EQ(resolved_yaml(again), resolved_yaml(recipe));
  EXPECT_EQ(again.ood.at(0).second.sources.at(0).corruptions, noisy);
  EXPECT_EQ(again.identity(), recipe.identity());
}

TEST_F(RecipeTest, SaysWhatIsWrongWithCorruptionsAndSuperclasses) {
  const std::string message = problems(
      "version: 1\nmodel: model\ndata:\n  train: {imagefolder: photos, only_mapped: true}\n"
      "  val: sketches\n  test: {ood: {a: {imagefolder: photos, corrupt: jpg}, "
      "b: {imagefolder: photos, corrupt: [\"jpeg:2\", jpeg]}}}\nmethods: {lp: }\n");
  EXPECT_CONTAINS(message, "only_mapped needs a class_map");
  EXPECT_CONTAINS(message, "there is no corruption 'jpg'; did you mean 'jpeg'?");
  EXPECT_CONTAINS(message, "names jpeg:2 twice");
}

TEST_F(RecipeTest, RefusesToSplitATrainingSetOfCopies) {
  const std::string head =
      "version: 1\nmodel: model\ndata:\n  train: {imagefolder: photos, corrupt: ";
  const std::string tail = "}\n  val: {split_from: train, fraction: 0.1}\nmethods: {lp: }\n";
  EXPECT_CONTAINS(problems(head + "[jpeg, contrast]" + tail),
                  "several corruptions of each picture");
}

}  // namespace
}  // namespace stockpot
