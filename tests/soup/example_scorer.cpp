#include "stockpot/soup/example_scorer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "../base/temporary_folder.h"
#include "stockpot/base/random.h"
#include "stockpot/soup/search.h"

namespace stockpot {
namespace {

// Made-up models: logits of each on some rows, and soups whose logits are the mean of their
// members' logits and something of their own.
struct World {
  World(std::uint64_t world_seed, int models, std::int64_t rows, std::int64_t classes, double skill)
      : seed(world_seed) {
    RandomStream random(seed, Purpose::test);
    truth.classes = classes;
    truth.group_names = {"x", "y", "z"};
    for (std::int64_t i = 0; i < rows; ++i) {
      truth.labels.push_back(random.between(0, classes - 1));
      truth.groups.push_back(random.between(0, 2));
    }
    for (int m = 0; m < models; ++m) {
      names.push_back("model " + std::to_string(m));
      std::vector<float>& own = logits.emplace_back();
      for (std::int64_t i = 0; i < rows; ++i) {
        RandomStream shared(seed, Purpose::test, 2, static_cast<std::uint64_t>(i));
        for (std::int64_t c = 0; c < classes; ++c)
          own.push_back(
              static_cast<float>(shared.normal() + 0.5 * random.normal() +
                                 (c == truth.labels[static_cast<std::size_t>(i)] ? skill : 0)));
      }
    }
  }

  ExampleModel model() {
    ExampleModel result;
    result.load = [this](const SoupRequest& request) {
      members = request.members();
      ++loads;
      return SoupMixer::Mix{};
    };
    result.forward = [this](std::span<const std::int64_t> rows, std::span<float> out) {
      forwards += static_cast<std::int64_t>(rows.size());
      std::uint64_t key = 0;
      for (const std::size_t i : members) key |= std::uint64_t{1} << i;
      const auto classes = static_cast<std::size_t>(truth.classes);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        RandomStream random(seed, Purpose::test, 3 + key % 400'000,
                            static_cast<std::uint64_t>(rows[i]));
        // What the rows beside it do to a row, when batches matter.
        RandomStream beside(seed, Purpose::test, 1u << 19,
                            static_cast<std::uint64_t>(rows[0]) * 1000 + rows.size());
        for (std::size_t c = 0; c < classes; ++c) {
          double sum = 0;
          for (const std::size_t m : members)
            sum += static_cast<double>(logits[m][static_cast<std::size_t>(rows[i]) * classes + c]);
          const double own = members.size() > 1 ? bend * random.normal() : 0;
          const double value = sum / static_cast<double>(members.size()) + own;
          out[i * classes + c] = static_cast<float>(value + noise * beside.uniform(-1, 1));
        }
      }
    };
    return result;
  }

  struct Found {
    std::vector<std::size_t> ingredients;
    std::vector<bool> accepted;
    double value;
    std::int64_t examples;
  };
  Found search(const ExampleOptions& options, SearchOptions how) {
    ExampleOptions with_keys = options;
    with_keys.keys = names;
    ExampleScorer scorer(truth, model(), with_keys);
    Scorebook book({names, names, [&](const SoupRequest& r) { return scorer(r); }});
    how.rule.direction = row(options.metric).direction;
    const SearchResult result = search_soup(names, book, how);
    Found found{
        result.soup().ingredients, {}, result.soup().held_out.value, book.counts().examples};
    for (const Walk& walk : result.walks)
      for (const LedgerEntry& entry : walk.ledger) found.accepted.push_back(entry.accepted);
    return found;
  }

  std::uint64_t seed;
  Predictions truth;
  std::vector<std::string> names;
  std::vector<std::vector<float>> logits;
  double bend = 0.1, noise = 0;
  std::vector<std::size_t> members;
  std::int64_t forwards = 0, loads = 0;
};

TEST(EarlyRejection, KeepsTheIngredientsOfTheWholePassOnEveryInput) {
  std::int64_t whole_examples = 0, early_examples = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    RandomStream random(seed, Purpose::test, 9);
    World world(seed, static_cast<int>(random.between(2, 9)), random.between(1, 120),
                random.between(2, 6), random.uniform(0, 4));
    world.bend = random.chance(0.5) ? 0 : random.uniform(0, 2);
    for (const MetricRow& metric : kMetrics) {
      SearchOptions how;
      how.rule.accept = seed % 2 ? Accept::strict : Accept::ties;
      how.restarts = seed % 4 == 0 ? 2 : 0;
      how.prune = seed % 3 == 0;
      how.from_all = seed % 7 == 0;
      ExampleOptions options;
      options.metric = metric.kind;
      options.batch = random.between(1, 40);
      options.smallest_batch = random.between(1, 10);
      how.stop_early = false;
      const World::Found whole = world.search(options, how);
      how.stop_early = true;
      const World::Found early = world.search(options, how);
      EXPECT_EQ(early.ingredients, whole.ingredients) << metric.name << " " << seed;
      EXPECT_EQ(early.accepted, whole.accepted) << metric.name << " " << seed;
      EXPECT_EQ(early.value, whole.value) << metric.name << " " << seed;
      // What one walk stopped, another one may have to see whole.
      if (how.restarts > 0 || how.prune) continue;
      EXPECT_LE(early.examples, whole.examples);
      whole_examples += whole.examples;
      early_examples += early.examples;
    }
  }
  EXPECT_LT(early_examples, whole_examples);
}

TEST(EarlyRejection, KeepsThemAlsoWhenBatchesMatter) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    World world(seed, 6, 80, 4, 1.5);
    world.noise = 0.05;
    for (const MetricRow& metric : kMetrics) {
      ExampleOptions options;
      options.metric = metric.kind;
      options.batch = 16;
      options.smallest_batch = 3;
      options.noise = 0.3;  // of the row's largest logit: more than what was added
      SearchOptions how;
      how.rule.accept = seed % 2 ? Accept::strict : Accept::ties;
      how.stop_early = false;
      const World::Found whole = world.search(options, how);
      how.stop_early = true;
      const World::Found early = world.search(options, how);
      EXPECT_EQ(early.ingredients, whole.ingredients) << metric.name << " " << seed;
      EXPECT_EQ(early.value, whole.value) << metric.name << " " << seed;
    }
  }
}

TEST(EarlyRejection, LooksAtLittleMoreThanTheErrorsOfTheSoup) {
  for (const double skill : {1.0, 4.5}) {
    World world(5, 30, 2000, 5, skill);
    world.bend = 0.4;
    ExampleOptions options;
    options.keys = world.names;
    ExampleScorer scorer(world.truth, world.model(), options);
    Scorebook book({world.names, world.names, [&](const SoupRequest& r) { return scorer(r); }});
    const SearchResult result = search_soup(world.names, book, {});
    const double errors = 1 - result.soup().held_out.value;
    double looked = 0, steps = 0;
    for (const LedgerEntry& entry : result.soup().ledger) {
      if (!entry.after.stopped) continue;
      looked += static_cast<double>(entry.after.examples) / 2000;
      ++steps;
    }
    ASSERT_GT(steps, 5);
    EXPECT_LT(looked / steps, 1.6 * errors + 0.1) << "accuracy " << 1 - errors;
  }
}

TEST(EarlyRejection, SaysHowManyExamplesProvedIt) {
  World world(5, 12, 500, 5, 2);
  world.bend = 1;
  ExampleScorer scorer(world.truth, world.model(), {.keys = world.names});
  Scorebook book({world.names, world.names, [&](const SoupRequest& r) { return scorer(r); }});
  const SearchResult result = search_soup(world.names, book, {});
  int stopped = 0;
  for (const LedgerEntry& entry : result.soup().ledger) {
    if (!entry.after.stopped) continue;
    ++stopped;
    EXPECT_FALSE(entry.accepted);
    EXPECT_LT(entry.after.examples, 500);
    EXPECT_EQ(entry.after.total, 500);
    EXPECT_LT(entry.after.counts->correct, entry.before.counts->correct);
    EXPECT_EQ(entry.reason, "stopped after " + std::to_string(entry.after.examples) +
                                " of 500: " + std::to_string(500 - entry.after.counts->correct) +
                                " wrong already, the soup " +
                                std::to_string(500 - entry.before.counts->correct));
  }
  EXPECT_GT(stopped, 0);
}

TEST(EarlyRejection, AModelWhoseLogitsAreKnownNeedsNoPassByItself) {
  for (const MetricRow& metric : kMetrics) {
    World world(11, 9, 200, 4, 2);
    world.bend = 0.5;
    const auto search = [&](bool known) {
      ExampleModel model = world.model();
      if (known)
        model.known = [&](std::size_t i) -> std::optional<ShelvedLogits> {
          if (i == 4) return std::nullopt;  // that one has to be scored
          return ShelvedLogits{world.truth.classes, world.logits[i]};
        };
      ExampleScorer scorer(world.truth, std::move(model),
                           {.metric = metric.kind, .keys = world.names});
      Scorebook book({world.names, world.names, [&](const SoupRequest& r) { return scorer(r); }});
      SearchOptions how;
      how.rule.direction = metric.direction;
      world.forwards = 0;
      return search_soup(world.names, book, how);
    };
    const SearchResult scored = search(false);
    const std::int64_t whole = world.forwards;
    const SearchResult known = search(true);
    EXPECT_EQ(known.soup().ingredients, scored.soup().ingredients) << metric.name;
    EXPECT_EQ(known.soup().held_out.value, scored.soup().held_out.value) << metric.name;
    for (std::size_t i = 0; i < world.names.size(); ++i) {
      EXPECT_EQ(known.candidates[i].alone.value, scored.candidates[i].alone.value) << metric.name;
      EXPECT_EQ(known.candidates[i].alone.right.rows(), 200) << metric.name;
    }
    EXPECT_EQ(whole - world.forwards, 8 * 200) << metric.name;
  }
}

TEST(EarlyRejection, IsNotForMetricsWithoutABound) {
  World world(5, 4, 100, 3, 1);
  ExampleOptions options;
  options.keys = world.names;
  for (const MetricRow& metric : kMetrics) {
    options.metric = metric.kind;
    options.noise = 0;
    const ExampleScorer scorer(world.truth, world.model(), options);
    EXPECT_EQ(scorer.can_stop(), has_bound(metric.kind));
    options.noise = 0.1;
    const ExampleScorer noisy(world.truth, world.model(), options);
    EXPECT_EQ(noisy.can_stop(), has_bound(metric.kind));
  }
}

TEST(EarlyRejection, TakesTheSameOrderAfterARestart) {
  const TemporaryFolder folder;
  const auto header = Json::object({{"ledger", 1}});
  const auto search = [&](const std::string& name, int stop_after) {
    World world(8, 10, 300, 4, 2);
    world.bend = 0.5;
    ExampleOptions options;
    options.keys = world.names;
    options.shelf = folder.path() / (name + ".logits");
    ExampleScorer scorer(world.truth, world.model(), options);
    LedgerFile ledger(folder.path() / (name + ".jsonl"), header);
    int asked = 0;
    Scorebook book({world.names, world.names,
                    [&](const SoupRequest& request) {
                      if (asked++ == stop_after) throw std::runtime_error("killed");
                      Evaluation evaluation = scorer(request);
                      evaluation.seconds = 0;
                      return evaluation;
                    },
                    &ledger});
    search_soup(world.names, book, {});
  };
  search("whole", -1);
  for (const int stop : {3, 10, 2}) EXPECT_THROW(search("parts", stop), std::runtime_error);
  search("parts", -1);
  EXPECT_EQ(read_file(folder.path() / "parts.jsonl"), read_file(folder.path() / "whole.jsonl"));
}

TEST(LogitsShelf, KeepsLogitsOrMarginsInMemoryOrFiles) {
  const TemporaryFolder folder;
  World world(1, 1, 7, 3, 1);
  for (const fs::path& place : {fs::path(), folder.path() / "shelf"}) {
    LogitsShelf shelf(place, 1);
    EXPECT_FALSE(shelf.get("key", world.truth));
    shelf.put("key", world.truth, world.logits[0]);
    const auto logits = shelf.get("key", world.truth);
    ASSERT_TRUE(logits);
    EXPECT_EQ(logits->columns, 3);
    for (std::size_t i = 0; i < logits->values.size(); ++i)
      EXPECT_NEAR(logits->values[i], world.logits[0][i], 0.01);
    LogitsShelf small(place, 1, 20);
    small.put("key", world.truth, world.logits[0]);
    const auto margins = small.get("key", world.truth);
    EXPECT_EQ(margins->columns, 1);
    EXPECT_NEAR(margins->values[6],
                margin_of(std::span(world.logits[0]).subspan(18, 3), world.truth.labels[6]), 0.01);
  }
  folder.put("shelf/" + std::string("key") + ".safetensors", "damaged");
  EXPECT_FALSE(LogitsShelf(folder.path() / "shelf", 1).get("key", world.truth));
  World other(1, 1, 8, 3, 1);
  EXPECT_FALSE(LogitsShelf(folder.path() / "shelf", 1).get("key", other.truth));
}

TEST(OrderByMargin, StartsWithTheRowsThatTheMeanOfTheLogitsGetsWrong) {
  Predictions truth;
  truth.classes = 2;
  truth.labels = {0, 0, 0, 1};
  const ShelvedLogits soup{2, {5, 0, /**/ 0, 1, /**/ 1, 0, /**/ 0, 0}};
  const ShelvedLogits other{2, {0, 1, /**/ 1, 0, /**/ 0, 5, /**/ 0, 9}};
  const std::vector<WeightedLogits> parts{{3, &soup}, {1, &other}};
  // Margins of 3 soup + other: 14, -2, -2, 9.
  EXPECT_EQ(order_by_margin(truth, parts), (std::vector<std::int64_t>{1, 2, 3, 0}));
  EXPECT_EQ(order_by_margin(truth, {}), (std::vector<std::int64_t>{0, 1, 2, 3}));
}

}  // namespace
}  // namespace stockpot
