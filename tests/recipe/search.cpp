#include <algorithm>

#include "recipe_test.h"
#include "stockpot/recipe/plan_runs.h"

namespace stockpot {
namespace {

std::string search_of(const std::string& section) { return "methods: {lp: }\nsearch:\n" + section; }

// Settings of the trials, by name.
std::vector<std::string> trials(const Recipe& recipe, const std::string& setting) {
  std::vector<std::string> values;
  for (const TrainingRun& run : plan_search(recipe))
    for (const auto& [key, value] : run.settings.all())
      if (key == setting) values.push_back(value.dump());
  return values;
}

class Search : public RecipeTest {};

TEST_F(Search, AGridVisitsEveryCombinationWithTheLastSettingFastest) {
  const Recipe recipe =
      parse(with_data(search_of("  method: grid\n"
                                "  space:\n"
                                "    lr: {logspace: [-4, -2, 3]}\n"
                                "    augment: [minimal, strong]\n"
                                "    epochs: {int: [3, 4]}\n"
                                "    batch: 32\n")));
  EXPECT_EQ(recipe.search_runs, 12);
  EXPECT_EQ(trials(recipe, "epochs"),
            (std::vector<std::string>{"3", "4", "3", "4", "3", "4", "3", "4", "3", "4", "3", "4"}));
  EXPECT_EQ(trials(recipe, "lr").at(3), "0.0001");
  EXPECT_EQ(trials(recipe, "lr").at(4), "0.001");
  EXPECT_EQ(trials(recipe, "augment").at(1), "\"minimal\"");
  EXPECT_EQ(trials(recipe, "augment").at(2), "\"strong\"");
  EXPECT_EQ(trials(recipe, "batch").at(11), "32");
}

TEST_F(Search, AGridRefusesWhatHasNoValues) {
  EXPECT_CONTAINS(
      problems(with_data(search_of("  method: grid\n  space: {lr: {uniform: [0, 1]}}\n"))),
      "search.space: lr lists no values: a grid needs a list");
  EXPECT_CONTAINS(
      problems(with_data(search_of("  method: grid\n  space: {epochs: {int: [1, 1000]}, "
                                   "batch: {int: [1, 1000]}}\n"))),
      "has more than 100,000 combinations");
  EXPECT_CONTAINS(
      problems(with_data(search_of("  method: grid\n  runs: 4\n  space: {lr: [1, 2, 3]}\n"))),
      "search.runs is 4, but there are only 3 trials");
}

TEST_F(Search, AListIsTrainedAsItIsWritten) {
  const Recipe recipe =
      parse(with_data(search_of("  train: {epochs: 3}\n"
                                "  list:\n"
                                "    - {lr: 0.5, train: {top: 2}}\n"
                                "    - {epochs: 7, ema: [0.9, 0.99]}\n")));
  EXPECT_EQ(trials(recipe, "lr"), (std::vector<std::string>{"0.5", "0.0003"}));
  EXPECT_EQ(trials(recipe, "epochs"), (std::vector<std::string>{"3", "7"}));
  EXPECT_EQ(trials(recipe, "ema"), (std::vector<std::string>{"[0.9,0.99]"}));
  const std::string message = problems(
      with_data(search_of("  list:\n    - {lr: fast}\n    - {wramup: 1}\n  space: {lr: 1}\n")));
  EXPECT_CONTAINS(message, "r.yaml:7:12: search.list: lr should be a number");
  EXPECT_CONTAINS(message, "unknown setting 'wramup'; did you mean 'warmup'?");
  EXPECT_CONTAINS(message, "search.space is for the methods random and grid");
}

TEST_F(Search, NumbersOfOneSettingAreDrawnTogether) {
  const Recipe recipe = parse(with_data(search_of(
      "  runs: 400\n"
      "  space:\n"
      "    randaugment: {mixture: [{p: 0.333, value: null}, {p: 0.667, value: {m: {int: [0, 20]}, "
      "n: {int: [0, 2]}}}]}\n"
      "    lr: {pow10: {uniform: [-6, -4]}}\n")));
  int off = 0;
  for (const TrainingRun& run : plan_search(recipe)) {
    const RandAugmentSettings& rand = run.settings.randaugment;
    off += rand.on ? 0 : 1;
    EXPECT_LE(rand.operations, 2);
    EXPECT_LE(rand.magnitude, 20);
    EXPECT_GE(run.settings.lr, 1e-6);
    EXPECT_LE(run.settings.lr, 1e-4);
  }
  // A third of 400: 133, standard deviation 9.4.
  EXPECT_NEAR(off, 133, 40);
}

TEST_F(Search, TenToAUniformPowerIsLoguniform) {
  const std::string power = search_of("  runs: 20\n  space: {lr: {pow10: {uniform: [-6, -4]}}}\n");
  const std::string log = search_of("  runs: 20\n  space: {lr: {loguniform: [1e-6, 1e-4]}}\n");
  const Recipe a = parse(with_data(power)), b = parse(with_data(log));
  for (std::int64_t i = 0; i < 20; ++i)
    EXPECT_NEAR(search_run(a, i).lr / search_run(b, i).lr, 1, 1e-12);
}

TEST_F(Search, APlanThatGetsLongerKeepsItsTrials) {
  const auto plan = [&](const std::string& runs, const std::string& seeds) {
    return plan_search(parse(with_data(search_of("  runs: " + runs + "\n  seeds: " + seeds +
                                                 "\n  space: {lr: {uniform: [0, 1]}}\n"))));
  };
  const auto find = [](const std::vector<TrainingRun>& runs, const std::string& id) {
    for (const TrainingRun& run : runs)
      if (run.id == id) return run;
    ADD_FAILURE() << "no " << id;
    return TrainingRun{};
  };
  const auto few = plan("9", "1"), many = plan("150", "3");
  ASSERT_EQ(many.size(), 450u);
  for (const TrainingRun& run : few) {
    const TrainingRun same = find(many, run.id);
    EXPECT_EQ(same.seed, run.seed);
    EXPECT_EQ(same.settings.all(), run.settings.all());
  }
  EXPECT_EQ(many[0].id, "search-00");
  EXPECT_EQ(many[1].id, "search-00-r1");
  EXPECT_EQ(many[1].settings.all(), many[0].settings.all());
  EXPECT_NE(many[1].seed, many[0].seed);
  EXPECT_EQ(many.back().id, "search-149-r2");
  std::vector<std::uint64_t> seeds;
  for (const TrainingRun& run : many) seeds.push_back(run.seed);
  std::ranges::sort(seeds);
  EXPECT_EQ(std::ranges::adjacent_find(seeds), seeds.end()) << "two runs of one seed";
}

TEST_F(Search, TheOrderOfTheDataCanBeTheSameForAllTrials) {
  const auto runs =
      plan_search(parse(with_data(search_of("  runs: 3\n  seed: 5\n  seeds: 2\n  vary_seed: "
                                            "false\n  space: {lr: {uniform: [0, 1]}}\n"))));
  ASSERT_EQ(runs.size(), 6u);
  for (std::size_t i = 0; i < runs.size(); ++i) EXPECT_EQ(runs[i].seed, 5 + i % 2);
}

TEST_F(Search, ContradictionsAreFoundBeforeAnythingStarts) {
  EXPECT_CONTAINS(problems(with_data(search_of("  runs: 9\n  space: {schedule: step}\n"))),
                  "search, trial 0: schedule step needs milestones");
}

TEST_F(Search, EveryProblemOfASpaceIsNamedAtItsPlace) {
  const std::string message =
      problems(with_data(search_of("  runs: 3\n"
                                   "  method: radnom\n"
                                   "  space:\n"
                                   "    lr: {unifrom: [0, 1]}\n"
                                   "    mixup: [0, 1]\n"
                                   "    dropout: {uniform: [0, 2]}\n"
                                   "    weight_decay: {pow10: {choice: [a, b]}}\n"
                                   "    randaugment: {m: {int: [0, 20]}, layers: 2}\n"
                                   "    label_smoothing: {mixture: [{p: 0.5, value: 0}]}\n")));
  EXPECT_CONTAINS(message, "r.yaml:7:11: search.method should be 'random', 'grid' or 'list'");
  EXPECT_CONTAINS(message,
                  "r.yaml:9:10: unknown key 'unifrom' in search.space.lr; did you mean 'uniform'?");
  EXPECT_CONTAINS(message, "r.yaml:10:12: search.space.mixup: write {choice: [...]}");
  EXPECT_CONTAINS(message, "r.yaml:11:14: search.space: dropout should lie in 0..0.99, found 2");
  EXPECT_CONTAINS(message, "search.space.weight_decay.pow10 should draw exponents");
  EXPECT_CONTAINS(message, "randaugment has an unknown key 'layers'");
  EXPECT_CONTAINS(message, "the probabilities add up to 0.5, not to 1");
}

// What recipes drew before there were grids and lists: results on disk depend on it.
TEST_F(Search, DrawsOfVersion01StayAsTheyAre) {
  const Recipe recipe = parse(with_data(search_of(
      "  runs: 16\n"
      "  space:\n"
      "    lr: {loguniform: [2.0e-4, 6.0e-4]}\n"
      "    weight_decay: {loguniform: [1.0e-4, 0.63]}\n"
      "    epochs: {int: [16, 24]}\n"
      "    augment: {choice: [strong]}\n"
      "    label_smoothing: {mixture: [{p: 0.5, value: 0}, {p: 0.5, uniform: [0, 0.25]}]}\n")));
  const TrainSettings first = search_run(recipe, 0), second = search_run(recipe, 1);
  EXPECT_EQ(first.lr, 0.00030512455468807503);
  EXPECT_EQ(first.weight_decay, 0.0006524856889228692);
  EXPECT_EQ(first.epochs, 21);
  EXPECT_EQ(first.label_smoothing, 0);
  EXPECT_EQ(second.lr, 0.0005625301254330382);
  EXPECT_EQ(second.label_smoothing, 0.24565740098873845);
  EXPECT_EQ(search_run(recipe, 12345).weight_decay, 0.033121622268759456);
  const auto runs = plan_search(recipe);
  EXPECT_EQ(runs.at(7).id, "search-07");
  EXPECT_EQ(runs.at(7).seed, 7u);
}

}  // namespace
}  // namespace stockpot
