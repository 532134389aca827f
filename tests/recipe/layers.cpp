#include "stockpot/recipe/layers.h"

#include "recipe_test.h"
#include "stockpot/recipe/resolved.h"

namespace stockpot {
namespace {

class Layers : public RecipeTest {};

const char* const kBase = R"(version: 1
model: ../model
data:
  train: {imagefolder: ../photos, class_map: {hound: dog}}
  val: {split_from: train, fraction: 0.1}
  test: {ood: {sketch: {imagefolder: ../sketches}}}
train: {epochs: 5, lr: 1e-4}
methods:
  lp: {c: [1, 2]}
  ft: {lr: [1e-4, 1e-3], epochs: 2}
)";

TEST_F(Layers, MapsMergeListsAndScalarsReplace) {
  write("bases/b.yaml", kBase);
  const Recipe recipe =
      parse("base: bases/b.yaml\ntrain: {lr: 2e-4}\nmethods: {ft: {lr: [1e-2]}}\ntitle: mine\n");
  EXPECT_EQ(recipe.settings.epochs, 5);
  EXPECT_EQ(recipe.settings.lr, 2e-4);
  EXPECT_EQ(recipe.ft.learning_rates, std::vector<double>{1e-2});
  EXPECT_EQ(recipe.ft.settings.epochs, 2);
  EXPECT_EQ(recipe.probe_c, (std::vector<double>{1, 2}));
  EXPECT_EQ(recipe.title, "mine");
}

TEST_F(Layers, PathsAreRelativeToTheFileThatWritesThem) {
  write("bases/b.yaml", kBase);
  const Recipe recipe = parse("base: bases/b.yaml\ndata: {test: {id: photos}}\n");
  EXPECT_EQ(recipe.model, folder_ / "model");
  EXPECT_EQ(recipe.train.sources.at(0).path, folder_ / "photos");
  EXPECT_EQ(recipe.id_test->sources.at(0).path, folder_ / "photos");
}

TEST_F(Layers, AnotherAlternativeReplacesTheWholeMap) {
  write("bases/b.yaml", kBase);
  const Recipe recipe =
      parse("base: bases/b.yaml\ndata: {train: {path: photos}, val: {imagefolder: sketches}}\n");
  EXPECT_EQ(recipe.train.sources.at(0).kind, SourceSpec::Kind::detect);
  EXPECT_TRUE(recipe.train.class_map.empty());
  ASSERT_TRUE(recipe.held_out.has_value());
  EXPECT_EQ(recipe.held_out->sources.at(0).path, folder_ / "sketches");
}

TEST_F(Layers, ErrorsNameTheFileAndLineThatWroteTheValue) {
  write("bases/b.yaml", std::string(kBase) + "soup: {acept: ties}\n");
  const std::string message =
      problems("base: bases/b.yaml\ntrain: {epochs: many}\nmethods: {ft: {lr: [-1]}}\n");
  EXPECT_CONTAINS(message, "b.yaml:11:8: unknown key 'acept' in soup; did you mean 'accept'?");
  EXPECT_CONTAINS(message, "r.yaml:2:17: train: epochs should be a whole number");
  EXPECT_CONTAINS(message, "r.yaml:3:21: methods.ft.lr should lie in 0..100");
}

TEST_F(Layers, CirclesAndLongChainsAreRefused) {
  write("a.yaml", "base: b.yaml\n");
  write("b.yaml", "base: a.yaml\n");
  EXPECT_CONTAINS(problems("base: a.yaml\n"), "b.yaml:1:7: base: ");
  EXPECT_CONTAINS(problems("base: a.yaml\n"), "a.yaml is below itself");
  EXPECT_CONTAINS(problems("base: nowhere.yaml\n"), "r.yaml:1:7: base: no such file");
  for (int i = 0; i < 9; ++i)
    write("chain" + std::to_string(i) + ".yaml", "base: chain" + std::to_string(i + 1) + ".yaml\n");
  write("chain9.yaml", with_data("methods: {lp: }\n"));
  EXPECT_CONTAINS(problems("base: chain1.yaml\n"), "more than 8 recipes below each other");
  EXPECT_EQ(problems("base: chain2.yaml\n"), "no error");
}

TEST_F(Layers, OverridesCountMost) {
  write("bases/b.yaml", kBase);
  const Recipe recipe =
      parse("base: bases/b.yaml\ntrain: {lr: 2e-4}\n",
            {"train.lr=3e-4", "methods.lpft={lr: [1e-5], epochs: 1}", "methods.lpft.epochs=4",
             "title=\"a: b\"", "search.runs=2", "search.space.lr={uniform: [0, 1]}"});
  EXPECT_EQ(recipe.settings.lr, 3e-4);
  EXPECT_EQ(recipe.lpft.learning_rates, std::vector<double>{1e-5});
  EXPECT_EQ(recipe.lpft.settings.epochs, 4);
  EXPECT_EQ(recipe.title, "a: b");
  EXPECT_EQ(recipe.search_runs, 2);
}

TEST_F(Layers, OverridesAreNamedInMessages) {
  const std::string message =
      problems(with_data("methods: {lp: }\n"),
               {"train.epochs=many", "train..lr=1", "lr", "=3", "run.sed=1", "train.lr=[1"});
  EXPECT_CONTAINS(message, "--set train.epochs=many: train: epochs should be a whole number");
  EXPECT_CONTAINS(message, "--set train..lr=1: 'train..lr' should be keys with dots between them");
  EXPECT_CONTAINS(message, "--set lr: should read key=value");
  EXPECT_CONTAINS(message, "--set =3: should read key=value");
  EXPECT_CONTAINS(message, "--set run.sed=1: unknown key 'sed' in run; did you mean 'seed'?");
  EXPECT_CONTAINS(message, "--set train.lr=[1:1:");
}

TEST_F(Layers, AnEmptySectionTakesAwayThatOfTheBase) {
  write("b.yaml", with_data("methods: {lp: , ft: }\nsoup: {accept: strict}\n"
                            "search: {runs: 2, space: {lr: {uniform: [0, 1]}}}\n"));
  const Recipe recipe = parse("base: b.yaml\nsearch:\nsoup:\nmethods: {ft: false}\n");
  EXPECT_EQ(recipe.search_runs, 0);
  EXPECT_FALSE(recipe.accept_strict);
  EXPECT_FALSE(recipe.ft.wanted);
  EXPECT_TRUE(recipe.lp);
}

// Whatever stands where: a recipe is read or its problems are named; nothing else happens.
TEST_F(Layers, C11_PartsInTheWrongPlacesAreNamed) {
  const std::vector<std::string> keys = {"model",         "data",
                                         "data.train",    "data.val",
                                         "data.test",     "data.test.ood",
                                         "train",         "train.augment",
                                         "train.warmup",  "methods",
                                         "methods.lp",    "methods.ft",
                                         "methods.ft.lr", "methods.l2sp",
                                         "methods.x",     "search",
                                         "search.space",  "search.space.lr",
                                         "search.list",   "search.preset",
                                         "search.train",  "soup",
                                         "run",           "checkpoint",
                                         "title",         "methods.ft.preset",
                                         "search.method", "data.memory",
                                         "methods.lp.c",  "methods.ft.like"};
  const std::vector<std::string> values = {"",
                                           "3",
                                           "-1",
                                           "1e300",
                                           ".nan",
                                           "true",
                                           "word",
                                           "\"\"",
                                           "[]",
                                           "{}",
                                           "[[]]",
                                           "[1, [2], {a: b}]",
                                           "{a: {b: {c: d}}}",
                                           "{uniform: [0, 1]}",
                                           "{mixture: [{p: 1}]}",
                                           "{choice: []}",
                                           "{logspace: [0, 1]}",
                                           "{linspace: [0, 1, 20000]}",
                                           "{pow10: {choice: [word]}}",
                                           "{pow10: {value: []}}",
                                           "{steps: {}}",
                                           "{preset: clip-72}",
                                           "{preset: {a: b}}",
                                           "[{lr: 1}, {lr: {uniform: [0, 1]}}]"};
  const std::string whole =
      with_data("methods: {lp: , ft: }\nsearch: {runs: 2, space: {lr: {uniform: [0, 1]}}}\n");
  for (const std::string& key : keys)
    for (const std::string& value : values) {
      const std::string found = problems(whole, {key + "=" + value});
      EXPECT_FALSE(found.empty()) << key << "=" << value;
    }
}

TEST_F(Layers, OriginsAreThoseOfEveryLevel) {
  write("bases/b.yaml", kBase);
  const Recipe recipe =
      parse("base: bases/b.yaml\ntrain: {batch: 8}\nmethods: {l2sp: }\n", {"run.seed=4"});
  const auto place = [&](const char* path) {
    std::string text = origin_of(recipe, path);
    const auto folder = text.find(folder_.string());
    if (folder != std::string::npos) text.erase(folder, folder_.string().size() + 1);
    return text;
  };
  EXPECT_EQ(place("train.epochs"), "bases/b.yaml:7:17");
  EXPECT_EQ(place("train.batch"), "r.yaml:2:16");
  EXPECT_EQ(place("run.seed"), "--set run.seed=4");
  EXPECT_EQ(place("methods.l2sp.l2sp.alpha"), "preset l2sp:3:15");
  EXPECT_EQ(place("train.momentum"), "default");
  EXPECT_EQ(place("model.from"), "bases/b.yaml:2:8") << "the short form stands for it";
  EXPECT_EQ(place("heartbeat.every"), "default");
}

TEST_F(Layers, TheTextOfARecipeFromSeveralFilesIsTheWholeOfIt) {
  write("bases/b.yaml", kBase);
  const std::string alone = with_data("methods: {lp: }  # a remark\n");
  EXPECT_EQ(parse(alone).text, alone);
  const Recipe merged = parse("base: bases/b.yaml\n");
  EXPECT_EQ(resolved_yaml(Recipe::parse(merged.text, folder_ / "elsewhere" / "x.yaml")),
            resolved_yaml(merged));
}

}  // namespace
}  // namespace stockpot
