#include "stockpot/recipe/resolved.h"

#include <algorithm>

#include "recipe_test.h"
#include "stockpot/base/random.h"
#include "stockpot/base/text.h"
#include "stockpot/recipe/plan_runs.h"

namespace stockpot {
namespace {

// Recipes put together by chance from forms that a person may write.
class RandomRecipe {
 public:
  explicit RandomRecipe(std::uint64_t number) : random_(7, Purpose::test, 0, number) {}

  std::string text() {
    std::string out = "version: 1\nmodel: " + one_of({"model", "{from: model}"}) + "\n";
    out += "title: " + one_of({"a title", "\"yes: #1\"", "2024", "'null'", "\"tab\\t \\x7f\""}) +
           "\ndata:\n  train: " + set() +
           "\n  val: " + one_of({"photos", "{split_from: train, fraction: 0.125, seed: 3}"}) + "\n";
    if (random_.chance(0.5)) out += "  test: {id: " + set() + ", ood: {\"x.y\": " + set() + "}}\n";
    out += "train: {" + settings() + "}\n";
    out += "methods:\n  lp: " + one_of({"", "{c: 0.3}", "{c: {logspace: [-2, 2, 7]}}"}) + "\n";
    out += "  ft: " + one_of({"", "false", "{lr: [1e-4, 0.3], batchnorm: live}"}) + "\n";
    out += "  lpft: {" + settings() + "}\n  other: {like: ft, head: lp, " + settings() + "}\n";
    out += one_of({"", "  l2sp:\n", "  l2sp: {like: ft}\n", "  top_k: {lr: 0.5}\n"});
    out +=
        one_of({"", random_search(), grid_search(), list_search(), "search: {preset: clip-72}\n"});
    out += one_of({"", "soup: {accept: strict}\n"});
    out += one_of({"", "run: {seed: 9007199254740993, seeds: 2, threads: 3, bf16: true}\n"});
    out += one_of({"", "heartbeat: {every: 0.1m}\n", "checkpoint: {every: 2h, keep: 1}\n"});
    return out;
  }

 private:
  std::string one_of(std::vector<std::string> choices) {
    return choices[random_.below(choices.size())];
  }

  std::string number(double low, double high) { return shortest(random_.uniform(low, high)); }

  std::string set() {
    return one_of({"photos", "[photos, sketches]", "{imagefolder: photos, on_bad: skip}",
                   "{path: [photos, sketches], split: 01, class_map: {a: b, c: null, no: 3}}"});
  }

  std::string setting() {
    return one_of({"lr: " + number(0, 1), "epochs: " + std::to_string(random_.between(1, 50)),
                   "warmup: {steps: 5}", "warmup: {epochs: 0.5}", "warmup: " + number(0, 1),
                   "augment: {crop: [0.1, 0.9], hue: 0.2}", "augment: strong",
                   "randaugment: {m: " + number(0, 10) + ", n: 1}", "ema: [0.9, 0.99]", "ema: 0.5",
                   "train: {top: 2}", "train: head", "l2sp: {alpha: " + number(0, 1) + "}",
                   "optimizer: adafactor", "nesterov: false", "milestones: [2, 5]", "lawa: 3",
                   "swad: false", "swad: {start: 1, end: 4}"});
  }

  std::string settings() {
    std::string out;
    std::vector<std::string> seen;
    for (std::uint64_t i = random_.below(5); i > 0; --i) {
      const std::string one = setting(), key = one.substr(0, one.find(':'));
      if (std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
      seen.push_back(key);
      out += one + ", ";
    }
    return out + "mixup: " + number(0, 1);
  }

  std::string random_search() {
    return "search:\n  runs: 3\n  space:\n    lr: " +
           one_of({"{pow10: {uniform: [-4, " + number(-3, 0) + "]}}",
                   "{loguniform: [1e-4, " + number(1e-3, 1) + "]}", "0.25"}) +
           "\n    dropout: {mixture: [{p: 0.3, value: 0}, {p: 0.3, value: 0.1}, {p: 0.4, uniform: "
           "[0, 0.5]}]}\n    warmup: {steps: {int: [1, 9]}}\n    ema: " +
           one_of({"{value: [0.9]}", "{choice: [[0.9], 0.5, {value: [0.1, 0.2]}]}"}) + "\n";
  }

  std::string grid_search() {
    return "search: {method: grid, seeds: 2, space: {lr: {linspace: [0.1, 0.3, 3]}, augment: "
           "[none, {flip: 0.5, crop: [0.5, 1]}], train: {top: {choice: [1, 2]}}}}\n";
  }

  std::string list_search() {
    return "search: {vary_seed: false, list: [{lr: 1e-4}, {" + setting() +
           "}, {warmup: {steps: 3}}]}\n";
  }

  RandomStream random_;
};

std::string runs_text(const Recipe& recipe) {
  std::string text;
  for (const TrainingRun& run : plan_runs(recipe, true)) {
    text += run.id + " " + run.name + (run.from_probe ? " lp " : " ") + std::to_string(run.seed);
    for (const auto& [key, value] : run.settings.all()) text += " " + key + "=" + value.dump();
    text += "\n";
  }
  return text;
}

class Resolved : public RecipeTest {};

TEST_F(Resolved, ReadAgainItIsTheSameRecipe) {
  int good = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const std::string text = RandomRecipe(i).text();
    Recipe recipe;
    try {
      recipe = parse(text);
    } catch (const UsageError& error) {
      ADD_FAILURE() << error.what() << "\n" << text;
      break;
    }
    const std::string shown = resolved_yaml(recipe);
    // From another folder: all paths are absolute.
    const Recipe again = Recipe::parse(shown, folder_ / "deep" / "er" / "x.yaml");
    ASSERT_EQ(resolved_yaml(again), shown) << text;
    ASSERT_EQ(runs_text(again), runs_text(recipe)) << text;
    EXPECT_EQ(again.title, recipe.title);
    EXPECT_EQ(again.identity(), recipe.identity());
    ++good;
  }
  EXPECT_EQ(good, 200);
}

TEST_F(Resolved, RemarksChangeNothing) {
  const Recipe recipe = parse(RandomRecipe(3).text());
  const std::string remarks = resolved_yaml(recipe, true);
  EXPECT_CONTAINS(remarks, "  # default\n");
  EXPECT_EQ(resolved_yaml(parse(remarks)), resolved_yaml(recipe));
}

TEST_F(Resolved, NamesEveryKeyWithItsDefault) {
  const Json json = resolved(parse(with_data("methods: {lp: }\n")));
  EXPECT_EQ(json.find("train")->find("lr")->as_number(), 3e-4);
  EXPECT_EQ(json.find("train")->find("mix_probability")->as_number(), 1);
  EXPECT_EQ(json.find("checkpoint")->find("every")->as_string(), "600s");
  EXPECT_EQ(json.find("search"), nullptr);
}

}  // namespace
}  // namespace stockpot
