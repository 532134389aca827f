// What holds for every table of counts.
#include <gtest/gtest.h>

#include "stockpot/base/random.h"
#include "stockpot/soup/greedy.h"

namespace stockpot {
namespace {

// A held-out count for each set of ingredients, random but the same whenever asked.
SoupScore random_table(std::uint64_t seed, std::int64_t total) {
  return [=](const SoupRequest& request) {
    std::uint64_t key = 0;
    for (const std::size_t i : request.members()) key |= std::uint64_t{1} << i;
    RandomStream random(seed, Purpose::test, 0, key);
    return Evaluation(Accuracy{random.between(0, total), total});
  };
}

std::vector<Candidate> random_candidates(std::uint64_t seed, std::int64_t total) {
  RandomStream random(seed, Purpose::test, 1);
  std::vector<Candidate> candidates(1 + random.below(12));
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    candidates[i] = {"run " + std::to_string(i), Accuracy{random.between(0, total), total}};
  }
  return candidates;
}

void expect_invariants(const std::vector<Candidate>& candidates, const Walk& soup, Accept accept) {
  std::int64_t best_alone = 0;
  for (const Candidate& one : candidates)
    best_alone = std::max(best_alone, one.alone.counts->correct);
  EXPECT_GE(soup.held_out.counts->correct, best_alone);
  ASSERT_EQ(soup.ledger.size(), candidates.size());

  std::vector<std::size_t> accepted;
  std::optional<Accuracy> current;
  for (std::size_t i = 0; i < soup.ledger.size(); ++i) {
    const LedgerEntry& entry = soup.ledger[i];
    EXPECT_EQ(entry.rank, static_cast<int>(i) + 1);
    EXPECT_EQ(entry.before.counts, current);
    EXPECT_EQ(entry.alone.counts, candidates[entry.candidate].alone.counts);
    if (i > 0) {
      const LedgerEntry& previous = soup.ledger[i - 1];
      EXPECT_TRUE(entry.alone.counts->correct < previous.alone.counts->correct ||
                  (entry.alone.counts->correct == previous.alone.counts->correct &&
                   entry.candidate > previous.candidate));
      const std::int64_t gain = entry.after.counts->correct - entry.before.counts->correct;
      EXPECT_EQ(entry.accepted, accept == Accept::ties ? gain >= 0 : gain > 0);
    }
    if (entry.accepted) {
      EXPECT_GE(entry.after.counts->correct, current.value_or(Accuracy{}).correct);
      accepted.push_back(entry.candidate);
      current = entry.after.counts;
    }
  }
  EXPECT_EQ(soup.ingredients, accepted);
  EXPECT_EQ(soup.held_out.counts, current);
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
  const std::vector<Candidate> candidates(9, Candidate{"run", Accuracy{40, 50}});
  const SoupScore score = [](const SoupRequest&) { return Evaluation(Accuracy{40, 50}); };
  EXPECT_EQ(greedy_soup(candidates, score, Accept::ties).ingredients.size(), 9u);
  EXPECT_EQ(greedy_soup(candidates, score, Accept::strict).ingredients.size(), 1u);
}

}  // namespace
}  // namespace stockpot
