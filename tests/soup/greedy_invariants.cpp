// What holds for every table of counts, and the paper's own 72 models.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"
#include "stockpot/base/random.h"
#include "stockpot/base/text.h"
#include "stockpot/soup/greedy.h"
#include "tests/base/shared_folder.h"

namespace stockpot {
namespace {

// A held-out count for each set of ingredients, random but the same whenever asked.
SoupScore random_table(std::uint64_t seed, std::int64_t total) {
  return [=](std::span<const std::size_t> ingredients) {
    std::uint64_t key = 0;
    for (const std::size_t i : ingredients) key |= std::uint64_t{1} << i;
    RandomStream random(seed, Purpose::test, 0, key);
    return Accuracy{random.between(0, total), total};
  };
}

std::vector<Candidate> random_candidates(std::uint64_t seed, std::int64_t total) {
  RandomStream random(seed, Purpose::test, 1);
  std::vector<Candidate> candidates(1 + random.below(12));
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    candidates[i] = {"run " + std::to_string(i), {random.between(0, total), total}};
  }
  return candidates;
}

void expect_invariants(const std::vector<Candidate>& candidates, const GreedyResult& soup,
                       Accept accept) {
  std::int64_t best_alone = 0;
  for (const Candidate& one : candidates) best_alone = std::max(best_alone, one.held_out.correct);
  EXPECT_GE(soup.held_out.correct, best_alone);
  ASSERT_EQ(soup.ledger.size(), candidates.size());

  std::vector<std::size_t> accepted;
  Accuracy current;
  for (std::size_t i = 0; i < soup.ledger.size(); ++i) {
    const LedgerEntry& entry = soup.ledger[i];
    EXPECT_EQ(entry.rank, static_cast<int>(i) + 1);
    EXPECT_EQ(entry.before, current);
    EXPECT_EQ(entry.alone, candidates[entry.candidate].held_out);
    if (i > 0) {
      const LedgerEntry& previous = soup.ledger[i - 1];
      EXPECT_TRUE(
          entry.alone.correct < previous.alone.correct ||
          (entry.alone.correct == previous.alone.correct && entry.candidate > previous.candidate));
      const std::int64_t gain = entry.after.correct - entry.before.correct;
      EXPECT_EQ(entry.accepted, accept == Accept::ties ? gain >= 0 : gain > 0);
    }
    if (entry.accepted) {
      EXPECT_GE(entry.after.correct, current.correct);
      accepted.push_back(entry.candidate);
      current = entry.after;
    }
  }
  EXPECT_EQ(soup.ingredients, accepted);
  EXPECT_EQ(soup.held_out, current);
}

TEST(GreedyInvariants, HoldOnRandomTables) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const std::int64_t total = seed % 2 ? 6 : 1000;  // a small total makes many ties
    const auto candidates = random_candidates(seed, total);
    for (const Accept accept : {Accept::ties, Accept::strict}) {
      expect_invariants(candidates, greedy_soup(candidates, random_table(seed, total), accept),
                        accept);
    }
  }
}

TEST(GreedyInvariants, EqualCountsEverywhereKeepAllByTiesAndOneByStrict) {
  const std::vector<Candidate> candidates(9, Candidate{"run", {40, 50}});
  const SoupScore score = [](std::span<const std::size_t>) { return Accuracy{40, 50}; };
  EXPECT_EQ(greedy_soup(candidates, score, Accept::ties).ingredients.size(), 9u);
  EXPECT_EQ(greedy_soup(candidates, score, Accept::strict).ingredients.size(), 1u);
}

fs::path golden() { return shared_folder() / "spec" / "golden"; }

// The released held-out accuracies, as counts, listed in the order that main.py walks.
std::vector<Candidate> paper_candidates(const Json& trace) {
  std::vector<Candidate> by_number;
  for (const std::string& line :
       split(read_file(golden() / "individual_model_results.jsonl"), '\n')) {
    if (trim(line).empty()) continue;
    const Json row = Json::parse(line, "individual_model_results.jsonl");
    const double value = row.find("ImageNet2p")->as_number();
    by_number.push_back(
        {row.find("model_name")->as_string(), {std::llround(value * 26000), 26000}});
  }
  std::vector<Candidate> candidates;
  for (const Json& number : trace.find("order")->items()) {
    candidates.push_back(by_number.at(number.as_unsigned()));
  }
  return candidates;
}

TEST(GreedyReplay, OfThePapers72ModelsFindsItsFiveIngredients) {
  if (!fs::exists(golden() / "greedy_trace.json")) {
    GTEST_SKIP() << "the golden data of the paper is not at " << golden()
                 << "; set STOCKPOT_SHARED";
  }
  const Json trace = Json::read(golden() / "greedy_trace.json");
  const std::vector<Candidate> candidates = paper_candidates(trace);
  ASSERT_EQ(candidates.size(), 72u);
  EXPECT_EQ(candidates.front().held_out, (Accuracy{21593, 26000}));
  EXPECT_EQ(candidates.back().held_out, (Accuracy{20301, 26000}));
  const Json::Array& steps = trace.find("steps")->items();

  for (const Accept accept : {Accept::ties, Accept::strict}) {
    std::size_t step = 0;
    const GreedyResult soup = greedy_soup(
        candidates,
        [&](std::span<const std::size_t>) {
          return Accuracy{steps.at(step++).find("correct")->as_integer(), 26000};
        },
        accept);
    std::vector<std::string> names;
    for (const std::size_t i : soup.ingredients) names.push_back(candidates[i].name);
    EXPECT_EQ(names, (std::vector<std::string>{"model_43", "model_44", "model_32", "model_47",
                                               "model_50"}));
    EXPECT_EQ(soup.held_out, (Accuracy{21834, 26000}));
    for (std::size_t i = 0; i < steps.size(); ++i) {
      EXPECT_EQ(soup.ledger[i + 1].accepted, steps[i].find("accepted")->as_bool());
    }
    EXPECT_EQ(soup.ledger[1].reason, "+150 of 26,000");
    EXPECT_EQ(soup.ledger[6].reason, "-6 of 26,000");
    EXPECT_EQ(soup.ledger[17].reason, "+41 of 26,000");
    EXPECT_EQ(soup.ledger[58].reason, "-407 of 26,000");
  }
}

}  // namespace
}  // namespace stockpot
