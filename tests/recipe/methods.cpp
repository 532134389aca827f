#include "recipe_test.h"
#include "stockpot/recipe/plan_runs.h"
#include "stockpot/recipe/resolved.h"
#include "stockpot/recipe/trials.h"
#include "stockpot/sweep/preset.h"

namespace stockpot {
namespace {

class Methods : public RecipeTest {
 protected:
  static std::vector<std::string> ids(const std::vector<TrainingRun>& runs) {
    std::vector<std::string> names;
    for (const TrainingRun& run : runs) names.push_back(run.id);
    return names;
  }
};

TEST_F(Methods, RunsOfFtAndLpFtKeepTheirIdsAndOrder) {
  const Recipe recipe = parse(
      with_data("methods:\n  lp:\n  lpft: {lr: [3.0e-5]}\n  ft: {lr: [1.0e-4, 0.001]}\n"
                "run: {seed: 3, seeds: 2}\nsearch: {runs: 2, space: {lr: {uniform: [0, 1]}}}\n"));
  EXPECT_EQ(ids(plan_runs(recipe, true)),
            (std::vector<std::string>{
                "ft-frozen-lr0.0001-s3", "ft-frozen-lr0.0001-s4", "ft-frozen-lr0.001-s3",
                "ft-frozen-lr0.001-s4", "ft-live-lr0.0001-s3", "ft-live-lr0.0001-s4",
                "ft-live-lr0.001-s3", "ft-live-lr0.001-s4", "lpft-frozen-lr3e-05-s3",
                "lpft-frozen-lr3e-05-s4", "search-00", "search-01"}));
  EXPECT_EQ(ids(plan_runs(recipe, false)),
            (std::vector<std::string>{"ft-lr0.0001-s3", "ft-lr0.0001-s4", "ft-lr0.001-s3",
                                      "ft-lr0.001-s4", "lpft-lr3e-05-s3", "lpft-lr3e-05-s4",
                                      "search-00", "search-01"}));
  const auto runs = plan_runs(recipe, true);
  EXPECT_EQ(runs[0].name, "FT (BN frozen)");
  EXPECT_FALSE(runs[0].from_probe);
  EXPECT_EQ(runs[8].name, "LP-FT (BN frozen)");
  EXPECT_TRUE(runs[8].from_probe);
  EXPECT_EQ(runs[8].kind, RunKind::lpft);
  EXPECT_EQ(runs[10].kind, RunKind::search);
}

TEST_F(Methods, TheProbeHasAScalingAndAPlaceForItsFeatures) {
  const Recipe usual = parse(with_data("methods: {lp: }\n"));
  EXPECT_EQ(usual.probe_scaling, "global");
  EXPECT_TRUE(usual.feature_cache.empty());
  const Recipe recipe =
      parse(with_data("methods: {lp: {scaling: per_feature}}\nrun: {feature_cache: cache}\n"));
  EXPECT_EQ(recipe.probe_scaling, "per_feature");
  EXPECT_EQ(recipe.feature_cache, folder_ / "cache");
  EXPECT_EQ(probe_params(usual, Json::object({})).find("scaling"), nullptr);
  EXPECT_EQ(probe_params(recipe, Json::object({})).find("scaling")->as_string(), "per_feature");
  const Recipe again = Recipe::parse(resolved_yaml(recipe), folder_ / "deep" / "x.yaml");
  EXPECT_EQ(again.probe_scaling, "per_feature");
  EXPECT_EQ(again.feature_cache, recipe.feature_cache);
  EXPECT_CONTAINS(problems(with_data("methods: {lp: {scaling: rows}}\n")), "methods.lp.scaling");
}

TEST_F(Methods, PenaltiesThatRepeatOrAreNotPositiveAreRefused) {
  EXPECT_CONTAINS(problems(with_data("methods: {lp: {c: [0.1, 1, 1]}}\n")),
                  "methods.lp.c should increase from value to value: 1 follows 1");
  EXPECT_CONTAINS(problems(with_data("methods: {lp: {c: [-1, 1]}}\n")), "methods.lp.c");
  EXPECT_CONTAINS(problems(with_data("methods: {lp: {c: [0, 1]}}\n")), "methods.lp.c");
}

TEST_F(Methods, VariantsAreNamedAndBuildOnFtOrLpFt) {
  const Recipe recipe = parse(with_data(
      "train: {epochs: 4}\n"
      "methods:\n"
      "  lp:\n"
      "  slow-head: {like: ft, title: Slow head, head_lr: 0.1, lr: [0.01], batchnorm: live}\n"
      "  lp-head: {like: ft, head: lp, lr: {linspace: [0.1, 0.2, 2]}, batchnorm: live}\n"
      "  late: {like: lpft, epochs: 9}\n"));
  ASSERT_EQ(recipe.variants.size(), 3u);
  const auto runs = plan_runs(recipe, true);
  EXPECT_EQ(ids(runs),
            (std::vector<std::string>{"slow-head-live-lr0.01-s0", "lp-head-live-lr0.1-s0",
                                      "lp-head-live-lr0.2-s0", "late-frozen-lr3e-05-s0",
                                      "late-frozen-lr0.0001-s0", "late-frozen-lr0.0003-s0"}));
  EXPECT_EQ(runs[0].name, "Slow head (BN live)");
  EXPECT_EQ(runs[0].settings.head_lr, 0.1);
  EXPECT_EQ(runs[0].settings.epochs, 4);
  EXPECT_EQ(runs[1].kind, RunKind::ft);
  EXPECT_TRUE(runs[1].from_probe);
  EXPECT_EQ(runs[3].kind, RunKind::lpft);
  EXPECT_EQ(runs[3].settings.epochs, 9);
}

TEST_F(Methods, BaselinesAreThereByTheirNames) {
  const Recipe recipe = parse(with_data(
      "methods: {l2sp: , head_lr: {lr: [0.5]}, top_k: {train: {top: 3}}, layer_decay: true, "
      "side_tuning: , gradual_unfreezing: false, freeze_bottom: , batchnorm_only: {preset: "
      "[batchnorm_only, "
      "kumar-batchnorm-only]}}\n"));
  std::vector<std::string> names;
  for (const FineTuneMethod& variant : recipe.variants) names.push_back(variant.name);
  EXPECT_EQ(names, (std::vector<std::string>{"l2sp", "head_lr", "top_k", "layer_decay",
                                             "side_tuning", "freeze_bottom", "batchnorm_only"}));
  EXPECT_EQ(recipe.variants[0].settings.l2sp_alpha, 0.01);
  EXPECT_EQ(recipe.variants[0].title, "L2-SP");
  EXPECT_EQ(recipe.variants[1].learning_rates, std::vector<double>{0.5});
  EXPECT_EQ(recipe.variants[2].settings.trained_layers, 3);
  EXPECT_EQ(recipe.variants[3].settings.layer_decay, 0.75);
  EXPECT_TRUE(recipe.variants[4].settings.side_network);
  EXPECT_EQ(recipe.variants[4].batchnorm, std::vector<std::string>{"live"});
  EXPECT_EQ(recipe.variants[5].settings.trained, "freeze_bottom");
  EXPECT_EQ(recipe.variants[6].learning_rates.size(), 7u);
}

TEST_F(Methods, GridsOfThePaperAreThereByTheirNames) {
  const Recipe recipe =
      parse(with_data("train: {epochs: 4}\n"
                      "methods: {lp: {preset: kumar-lp}, ft: {preset: kumar-ft}, "
                      "lpft: {preset: kumar-lpft, epochs: 3}}\n"));
  EXPECT_EQ(recipe.probe_c.size(), 50u);
  EXPECT_EQ(recipe.ft.learning_rates, (std::vector<double>{3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2}));
  EXPECT_EQ(recipe.ft.batchnorm, std::vector<std::string>{"live"});
  EXPECT_EQ(recipe.ft.settings.optimizer, "sgd");
  EXPECT_EQ(recipe.ft.settings.epochs, 4);
  EXPECT_EQ(recipe.lpft.learning_rates, (std::vector<double>{3e-7, 1e-6, 3e-6, 1e-5, 3e-5, 1e-4}));
  EXPECT_EQ(recipe.lpft.settings.epochs, 3);
}

TEST_F(Methods, EveryProblemIsNamedAtItsPlace) {
  const std::string message =
      problems(with_data("methods:\n"
                         "  lpfft: {lr: [1]}\n"
                         "  l2ps:\n"
                         "  mine: {lr: [1e-3]}\n"
                         "  search-x: {like: ft}\n"
                         "  a-live: {like: ft}\n"
                         "  other: {like: lp}\n"
                         "  ft: {like: lpft, preset: kumar-fd, lr: []}\n"
                         "  lpft: {head: random, nesterov: true}\n"));
  EXPECT_CONTAINS(message, "r.yaml:5:3: unknown key 'lpfft' in methods; did you mean 'lpft'?");
  EXPECT_CONTAINS(message, "r.yaml:6:3: unknown key 'l2ps' in methods; did you mean 'l2sp'?");
  EXPECT_CONTAINS(message, "r.yaml:7:9: methods.mine should say what it is a variant of");
  EXPECT_CONTAINS(message, "r.yaml:8:3: methods: 'search-x' is no name for a method");
  EXPECT_CONTAINS(message, "r.yaml:9:3: methods: 'a-live' is no name for a method");
  EXPECT_CONTAINS(message, "methods.other.like should be 'ft' or 'lpft', found 'lp'");
  EXPECT_CONTAINS(message, "unknown preset 'kumar-fd'; did you mean 'kumar-ft'?");
  EXPECT_CONTAINS(message, "methods.ft is like ft, found 'lpft'");
  EXPECT_CONTAINS(message, "methods.ft.lr is empty");
  EXPECT_CONTAINS(message, "methods.lpft.head: LP-FT starts from the head of LP");
  EXPECT_CONTAINS(message, "methods.lpft: nesterov needs optimizer sgd");
  EXPECT_EQ(message.find("methods.lpfft"), std::string::npos) << message;
  EXPECT_EQ(message.find("batchnorm"), std::string::npos) << message;
  EXPECT_CONTAINS(problems(with_data("methods: {a: {like: ft, head: lp}}\n")),
                  "methods.a starts from the linear probe: add methods.lp");
}

// Two runs would have one name.
TEST_F(Methods, RefuseAValueThatIsThereTwice) {
  const std::string message =
      problems(with_data("methods:\n"
                         "  ft: {lr: [1e-3, 2e-3, 1e-3]}\n"
                         "  lpft: {lr: {linspace: [1e-3, 1e-3, 2]}, batchnorm: [live, live]}\n"
                         "  lp:\n"));
  EXPECT_CONTAINS(message, "r.yaml:5:12: methods.ft.lr has a value twice");
  EXPECT_CONTAINS(message, "r.yaml:6:14: methods.lpft.lr has a value twice");
  EXPECT_CONTAINS(message, "r.yaml:6:54: methods.lpft.batchnorm has a value twice");
}

TEST_F(Methods, EveryPresetCanBeRead) {
  for (const Preset& preset : presets()) {
    const std::string asked = "{preset: " + preset.name + "}";
    std::string text = "methods: {lp: , variant: " + asked + "}\n";
    if (preset.name == "kumar-lp") text = "methods: {lp: " + asked + "}\n";
    if (preset.kind == Preset::Kind::search) text = "methods: {lp: }\nsearch: " + asked + "\n";
    EXPECT_EQ(problems(with_data(text)), "no error") << preset.name;
    EXPECT_FALSE(preset.source.empty()) << preset.name;
  }
}

TEST_F(Methods, SearchesOfThePapersHaveTheirSizes) {
  const auto size = [&](const std::string& name) {
    return plan_search(parse(with_data("methods: {lp: }\nsearch: {preset: " + name + "}\n")))
        .size();
  };
  EXPECT_EQ(size("clip-72"), 71u);
  EXPECT_EQ(size("clip-grid"), 48u);
  EXPECT_EQ(size("clip-extreme"), 8u);
  EXPECT_EQ(size("align-12"), 12u);
  EXPECT_EQ(size("text-glue"), 32u);
  EXPECT_EQ(size("diwa"), 20u);
}

TEST_F(Methods, KeysBesideAPresetCountMore) {
  const Recipe recipe = parse(with_data(
      "methods: {lp: }\n"
      "search: {preset: clip-72, runs: 5, train: {batch: 32}, space: {lr: {uniform: [1, 2]}, "
      "epochs: 3}}\n"));
  EXPECT_EQ(recipe.search_runs, 5);
  EXPECT_EQ(recipe.search_settings.batch, 32);
  EXPECT_EQ(recipe.search_settings.warmup_steps, 500);
  for (std::int64_t i = 0; i < 5; ++i) {
    const TrainSettings settings = search_run(recipe, i);
    EXPECT_GE(settings.lr, 1);
    EXPECT_EQ(settings.epochs, 3);
    EXPECT_LE(settings.weight_decay, 0.631);
  }
}

}  // namespace
}  // namespace stockpot
