#include "stockpot/soup/greedy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "stockpot/base/error.h"

namespace stockpot {
namespace {

using Indices = std::vector<std::size_t>;

std::vector<Candidate> three() { return {{"b", {70, 100}}, {"a", {80, 100}}, {"c", {60, 100}}}; }

// A score that looks ingredient lists up in a table of correct counts of 100.
SoupScore table(std::map<Indices, std::int64_t> counts) {
  return [counts = std::move(counts)](std::span<const std::size_t> ingredients) {
    return Accuracy{counts.at(Indices(ingredients.begin(), ingredients.end())), 100};
  };
}

TEST(GreedySoup, LeavesOutAnIngredientThatLowersHeldOutAccuracy) {
  const GreedyResult soup = greedy_soup(three(), table({{{1, 0}, 79}, {{1, 2}, 81}}));
  EXPECT_EQ(soup.ingredients, (Indices{1, 2}));
  EXPECT_EQ(soup.held_out, (Accuracy{81, 100}));
}

TEST(GreedySoup, SaysInTheLedgerWhyEachCandidateIsInOrOut) {
  const GreedyResult soup = greedy_soup(three(), table({{{1, 0}, 79}, {{1, 2}, 81}}));
  ASSERT_EQ(soup.ledger.size(), 3u);
  EXPECT_EQ(soup.ledger[0].name, "a");
  EXPECT_EQ(soup.ledger[0].reason, "first: best on held-out data");
  EXPECT_EQ(soup.ledger[0].before.total, 0);
  EXPECT_EQ(soup.ledger[1].name, "b");
  EXPECT_EQ(soup.ledger[1].reason, "-1 of 100");
  EXPECT_FALSE(soup.ledger[1].accepted);
  EXPECT_EQ(soup.ledger[2].rank, 3);
  EXPECT_EQ(soup.ledger[2].candidate, 2u);
  EXPECT_EQ(soup.ledger[2].reason, "+1 of 100");
  EXPECT_EQ(soup.ledger[2].before, (Accuracy{80, 100}));
  EXPECT_EQ(soup.ledger[2].after, (Accuracy{81, 100}));
}

TEST(GreedySoup, KeepsATieByThePapersRuleOnly) {
  const SoupScore score = table({{{1, 0}, 80}, {{1, 0, 2}, 80}, {{1, 2}, 80}});
  EXPECT_EQ(greedy_soup(three(), score, Accept::ties).ingredients, (Indices{1, 0, 2}));
  EXPECT_EQ(greedy_soup(three(), score, Accept::strict).ingredients, (Indices{1}));
  EXPECT_EQ(greedy_soup(three(), score, Accept::ties).ledger[1].reason, "0 of 100: a tie stays in");
  EXPECT_EQ(greedy_soup(three(), score, Accept::strict).ledger[1].reason,
            "0 of 100: a tie stays out");
}

TEST(GreedySoup, WalksCandidatesOfEqualAccuracyInTheirListedOrder) {
  const std::vector<Candidate> equal = {{"x", {5, 9}}, {"y", {6, 9}}, {"z", {5, 9}}, {"w", {6, 9}}};
  const GreedyResult soup = greedy_soup(equal, [](std::span<const std::size_t>) {
    return Accuracy{6, 9};
  });
  EXPECT_EQ(soup.ingredients, (Indices{1, 3, 0, 2}));
}

TEST(GreedySoup, OfOneCandidateIsThatCandidateAndScoresNothing) {
  const std::vector<Candidate> one = {{"only", {3, 4}}};
  const GreedyResult soup = greedy_soup(one, [](std::span<const std::size_t>) -> Accuracy {
    throw std::logic_error("must not be called");
  });
  EXPECT_EQ(soup.ingredients, (Indices{0}));
  EXPECT_EQ(soup.held_out, (Accuracy{3, 4}));
}

TEST(GreedySoup, NeverAcceptsWhatCouldNotBeScored) {
  const std::vector<Candidate> candidates = {{"nan", {0, 0}}, {"good", {8, 10}}, {"bad", {7, 10}}};
  const GreedyResult soup = greedy_soup(candidates, [](std::span<const std::size_t>) {
    return Accuracy{0, 0};
  });
  EXPECT_EQ(soup.ingredients, (Indices{1}));
  EXPECT_EQ(soup.ledger[1].reason, "left out: the soup with it could not be scored");
  EXPECT_EQ(soup.ledger[2].name, "nan");
  EXPECT_EQ(soup.ledger[2].reason, "left out: it has no held-out accuracy");
  EXPECT_EQ(soup.held_out, (Accuracy{8, 10}));
}

TEST(GreedySoup, RefusesCountsThatCannotBeCompared) {
  const SoupScore score = [](std::span<const std::size_t>) { return Accuracy{8, 10}; };
  EXPECT_THROW(greedy_soup({}, score), UsageError);
  EXPECT_THROW(greedy_soup(std::vector<Candidate>{{"a", {0, 0}}}, score), UsageError);
  EXPECT_THROW(greedy_soup(std::vector<Candidate>{{"a", {9, 10}}, {"b", {9, 11}}}, score),
               UsageError);
  EXPECT_THROW(greedy_soup(std::vector<Candidate>{{"a", {11, 10}}}, score), UsageError);
  EXPECT_THROW(greedy_soup(std::vector<Candidate>{{"a", {90, 100}}, {"b", {9, 100}}}, score),
               UsageError);
}

TEST(GreedySoup, ShowsEachLedgerEntryAsItIsMade) {
  std::vector<std::string> seen;
  greedy_soup(three(), table({{{1, 0}, 79}, {{1, 2}, 81}}), Accept::ties,
              [&](const LedgerEntry& entry) { seen.push_back(entry.name + ": " + entry.reason); });
  EXPECT_EQ(seen, (std::vector<std::string>{"a: first: best on held-out data", "b: -1 of 100",
                                            "c: +1 of 100"}));
}

TEST(LedgerEntry, IsOneJsonObject) {
  LedgerEntry entry;
  entry.rank = 2;
  entry.candidate = 7;
  entry.name = "search-07";
  entry.alone = {640, 780};
  entry.before = {650, 780};
  entry.after = {653, 780};
  entry.accepted = true;
  entry.reason = "+3 of 780";
  const Json json = entry.to_json();
  EXPECT_EQ(json.dump(),
            R"({"rank":2,"candidate":7,"name":"search-07","alone":{"correct":640,"total":780},)"
            R"("before":{"correct":650,"total":780},"after":{"correct":653,"total":780},)"
            R"("accepted":true,"reason":"+3 of 780"})");
}

}  // namespace
}  // namespace stockpot
