#include "stockpot/soup/greedy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "stockpot/base/error.h"

namespace stockpot {
namespace {

using Indices = std::vector<std::size_t>;

std::vector<Candidate> three() {
  return {{"b", Accuracy{70, 100}}, {"a", Accuracy{80, 100}}, {"c", Accuracy{60, 100}}};
}

// A score that looks ingredient lists up in a table of correct counts of 100.
SoupScore table(std::map<Indices, std::int64_t> counts) {
  return [counts = std::move(counts)](const SoupRequest& request) {
    return Evaluation(Accuracy{counts.at(request.members()), 100});
  };
}

TEST(GreedySoup, LeavesOutAnIngredientThatLowersHeldOutAccuracy) {
  const Walk soup = greedy_soup(three(), table({{{1, 0}, 79}, {{1, 2}, 81}}));
  EXPECT_EQ(soup.ingredients, (Indices{1, 2}));
  EXPECT_EQ(soup.held_out.counts, (Accuracy{81, 100}));
}

TEST(GreedySoup, SaysInTheLedgerWhyEachCandidateIsInOrOut) {
  const Walk soup = greedy_soup(three(), table({{{1, 0}, 79}, {{1, 2}, 81}}));
  ASSERT_EQ(soup.ledger.size(), 3u);
  EXPECT_EQ(soup.ledger[0].name, "a");
  EXPECT_EQ(soup.ledger[0].reason, "first: best on held-out data");
  EXPECT_EQ(soup.ledger[0].before.failed(), true);
  EXPECT_EQ(soup.ledger[1].name, "b");
  EXPECT_EQ(soup.ledger[1].reason, "-1 of 100");
  EXPECT_FALSE(soup.ledger[1].accepted);
  EXPECT_EQ(soup.ledger[2].rank, 3);
  EXPECT_EQ(soup.ledger[2].candidate, 2u);
  EXPECT_EQ(soup.ledger[2].reason, "+1 of 100");
  EXPECT_EQ(soup.ledger[2].before.counts, (Accuracy{80, 100}));
  EXPECT_EQ(soup.ledger[2].after.counts, (Accuracy{81, 100}));
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
  const std::vector<Candidate> equal = {
      {"x", Accuracy{5, 9}}, {"y", Accuracy{6, 9}}, {"z", Accuracy{5, 9}}, {"w", Accuracy{6, 9}}};
  const Walk soup = greedy_soup(equal, [](const SoupRequest&) {
    return Evaluation(Accuracy{6, 9});
  });
  EXPECT_EQ(soup.ingredients, (Indices{1, 3, 0, 2}));
}

// 21,593 and 21,592 of 26,000 are both 0.8305 in four digits, as programs print them.
Evaluation rounded(std::int64_t correct) {
  Evaluation evaluation(0.8305);
  evaluation.counts = Accuracy{correct, 26000};
  return evaluation;
}

TEST(GreedySoup, OrdersCandidatesByTheirCountsWhereValuesAreRounded) {
  const std::vector<Candidate> candidates = {{"x", rounded(21592)}, {"y", rounded(21593)}};
  EXPECT_EQ(order_by_score(candidates, {}), (Indices{1, 0}));
  const Walk soup = greedy_soup(candidates, [](const SoupRequest&) { return rounded(21592); });
  EXPECT_EQ(soup.ingredients, (Indices{1}));
}

TEST(GreedySoup, OfOneCandidateIsThatCandidateAndScoresNothing) {
  const std::vector<Candidate> one = {{"only", Accuracy{3, 4}}};
  const Walk soup = greedy_soup(
      one, [](const SoupRequest&) -> Evaluation { throw std::logic_error("must not be called"); });
  EXPECT_EQ(soup.ingredients, (Indices{0}));
  EXPECT_EQ(soup.held_out.counts, (Accuracy{3, 4}));
}

TEST(GreedySoup, NeverAcceptsWhatCouldNotBeScored) {
  const std::vector<Candidate> candidates = {
      {"nan", Accuracy{0, 0}}, {"good", Accuracy{8, 10}}, {"bad", Accuracy{7, 10}}};
  const Walk soup = greedy_soup(candidates, [](const SoupRequest&) {
    return Evaluation(Accuracy{0, 0});
  });
  EXPECT_EQ(soup.ingredients, (Indices{1}));
  EXPECT_EQ(soup.ledger[1].reason, "left out: the soup with it could not be scored");
  EXPECT_EQ(soup.ledger[2].name, "nan");
  EXPECT_EQ(soup.ledger[2].reason, "left out: it has no score by itself");
  EXPECT_EQ(soup.held_out.counts, (Accuracy{8, 10}));
}

TEST(GreedySoup, RefusesCountsThatCannotBeCompared) {
  const SoupScore score = [](const SoupRequest&) { return Evaluation(Accuracy{8, 10}); };
  EXPECT_THROW(greedy_soup({}, score), UsageError);
  EXPECT_THROW(greedy_soup(std::vector<Candidate>{{"a", Accuracy{0, 0}}}, score), UsageError);
  EXPECT_THROW(
      greedy_soup(std::vector<Candidate>{{"a", Accuracy{9, 10}}, {"b", Accuracy{9, 11}}}, score),
      UsageError);
  EXPECT_THROW(greedy_soup(std::vector<Candidate>{{"a", Accuracy{11, 10}}}, score), UsageError);
  EXPECT_THROW(
      greedy_soup(std::vector<Candidate>{{"a", Accuracy{90, 100}}, {"b", Accuracy{9, 100}}}, score),
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
  entry.alone = Accuracy{640, 780};
  entry.after = Accuracy{390, 780};
  entry.accepted = true;
  entry.reason = "+3 of 780";
  entry.test = PairedTest{1, 3, 0.625};
  entry.after.geometry = Geometry{2, 0.5, 0};
  EXPECT_EQ(entry.to_json().dump(),
            R"({"rank":2,"candidate":7,"name":"search-07",)"
            R"("alone":{"value":0.8205128205128205,"correct":640,"total":780},)"
            R"("before":{"value":null,"correct":0,"total":0},)"
            R"("after":{"value":0.5,"correct":390,"total":780},"accepted":true,)"
            R"("reason":"+3 of 780","test":{"only_before":1,"only_after":3,"p":0.625},)"
            R"("geometry":{"distance":2.0,"relative":0.5,"cosine":0.0,"angle":90.0,)"
            R"("from_base":false},)"
            R"("examples":780,"of":780})");
}

Evaluation value(double score) { return Evaluation(score); }

TEST(GreedySoup, ComparesValuesOfAnyMetricInItsDirection) {
  const std::vector<Candidate> losses = {{"a", value(0.5)}, {"b", value(0.75)}, {"c", value(0.25)}};
  WalkOptions options;
  options.rule.direction = Direction::minimize;
  const auto order = order_by_score(losses, options.rule);
  EXPECT_EQ(order, (Indices{2, 0, 1}));
  const Walk soup = walk_forward(
      losses, order,
      [](const SoupRequest& request) { return value(request.added == 0u ? 0.125 : 0.5); }, options);
  EXPECT_EQ(soup.ingredients, (Indices{2, 0}));
  EXPECT_EQ(soup.ledger[1].reason, "-0.125, to 0.125");
  EXPECT_EQ(soup.ledger[2].reason, "+0.375, to 0.5");
  EXPECT_EQ(soup.held_out.value, 0.125);
}

TEST(GreedySoup, ExplainsEachDecisionByAPairedTest) {
  const auto right = [](const std::vector<bool>& rows) {
    const RightRows bits(rows);
    Evaluation evaluation(Accuracy{bits.count(), bits.rows()});
    evaluation.right = bits;
    return evaluation;
  };
  const std::vector<Candidate> two = {{"a", right({1, 1, 0, 0})}, {"b", right({1, 0, 0, 0})}};
  const Walk soup = greedy_soup(two, [&](const SoupRequest&) { return right({0, 1, 1, 1}); });
  ASSERT_TRUE(soup.ledger[1].test);
  EXPECT_EQ(soup.ledger[1].test->only_first, 1);
  EXPECT_EQ(soup.ledger[1].test->only_second, 2);
  EXPECT_EQ(soup.ledger[1].test->p, 1);
  EXPECT_FALSE(soup.ledger[0].test);
}

TEST(GreedySoup, TellsWhatWillProbablyBeAskedNext) {
  std::vector<std::optional<std::size_t>> next;
  greedy_soup(three(), [&](const SoupRequest& request) {
    next.push_back(request.next);
    return Evaluation(Accuracy{0, 100});
  });
  EXPECT_EQ(next, (std::vector<std::optional<std::size_t>>{2, std::nullopt}));
}

TEST(WalkBackward, TakesOutWhatTheSoupDoesNotNeed) {
  // Every soup with "b" is worse than without; the others are needed.
  const std::vector<Candidate> candidates = three();
  std::vector<std::string> asked;
  const auto score = [&](const SoupRequest& request) {
    asked.push_back(request.name);
    const auto members = request.members();
    const auto has = [&](std::size_t i) { return std::ranges::count(members, i); };
    return Evaluation(Accuracy{79 + has(1) - 5 * has(0) + 5 * has(2), 100});
  };
  const Walk soup = walk_backward(candidates, {1, 0, 2}, Accuracy{80, 100}, score, {});
  EXPECT_EQ(soup.ingredients, (Indices{1, 2}));
  EXPECT_EQ(soup.held_out.counts, (Accuracy{85, 100}));
  // The worst alone first, and again after the change; once round without a change is the end.
  EXPECT_EQ(asked, (std::vector<std::string>{"soup of 3 without c", "soup of 3 without b",
                                             "soup of 2 without a", "soup of 2 without c"}));
  EXPECT_EQ(soup.ledger[1].reason, "+5 of 100");
  EXPECT_TRUE(soup.ledger[1].removal);
}

TEST(WalkBackward, LeavesOneIngredientAtLeast) {
  const auto same = [](const SoupRequest&) { return Evaluation(Accuracy{50, 100}); };
  const Walk ties = walk_backward(three(), {0, 1, 2}, Accuracy{50, 100}, same, {});
  EXPECT_EQ(ties.ingredients, (Indices{1}));
  EXPECT_EQ(ties.ledger[0].reason, "0 of 100: a tie stays out");
  WalkOptions strict;
  strict.rule.accept = Accept::strict;
  const Walk kept = walk_backward(three(), {0, 1, 2}, Accuracy{50, 100}, same, strict);
  EXPECT_EQ(kept.ingredients, (Indices{0, 1, 2}));
  EXPECT_EQ(kept.ledger[0].reason, "0 of 100: a tie stays in");
}

TEST(OrderByScore, TakesTheLaterListedOfEqualsFirstLikeTheReferenceProgram) {
  const std::vector<Candidate> equal = {
      {"x", Accuracy{5, 9}}, {"y", Accuracy{6, 9}}, {"z", Accuracy{5, 9}}, {"w", Evaluation()}};
  EXPECT_EQ(order_by_score(equal, {}), (Indices{1, 0, 2, 3}));
  EXPECT_EQ(order_by_score(equal, {}, true), (Indices{1, 2, 0, 3}));
}

}  // namespace
}  // namespace stockpot
