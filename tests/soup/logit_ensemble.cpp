#include "stockpot/soup/logit_ensemble.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "stockpot/base/error.h"
#include "stockpot/base/random.h"
#include "stockpot/metrics/accuracy.h"
#include "stockpot/soup/greedy.h"

namespace stockpot {
namespace {

std::vector<Predictions> members_of(std::size_t count, std::uint64_t seed) {
  std::vector<Predictions> members(count);
  for (std::size_t m = 0; m < count; ++m) {
    RandomStream labels(seed, Purpose::test), own(seed, Purpose::test, 1, m);
    Predictions& member = members[m];
    member.classes = 4;
    for (int i = 0; i < 120; ++i) {
      member.labels.push_back(static_cast<std::int64_t>(labels.below(4)));
      for (int c = 0; c < 4; ++c)
        member.logits.push_back(
            static_cast<float>(2 * own.normal() + (c == member.labels.back() ? 1.5 : 0)));
    }
  }
  return members;
}

TEST(LogitEnsemble, ScoresTheMeanOfTheLogitsOfAllMembers) {
  const std::vector<Predictions> members = members_of(4, 3);
  LogitEnsemble ensemble([&](std::size_t i) { return members[i]; }, MetricKind::accuracy);
  SoupRequest request;
  request.soup = {2, 0};
  request.added = 3;
  const std::vector<const Predictions*> three{&members[2], &members[0], &members[3]};
  const Predictions mean = mean_logits(three);
  EXPECT_EQ(ensemble(request).counts, accuracy(mean));
  request.added.reset();
  request.soup = {3};
  EXPECT_EQ(ensemble(request).counts, accuracy(members[3]));
  request.soup = {2, 0, 3, 1};
  request.removed = 1;
  EXPECT_EQ(ensemble(request).counts, accuracy(mean));
  EXPECT_EQ(ensemble_logits({2, 0, 3}, [&](std::size_t i) { return members[i]; }).logits,
            mean.logits);
}

// The paper's loop, written down a second time.
std::vector<std::size_t> by_hand(const std::vector<Predictions>& members) {
  std::vector<std::size_t> order(members.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return accuracy(members[a]).correct > accuracy(members[b]).correct;
  });
  std::vector<std::size_t> kept;
  std::int64_t best = -1;
  for (const std::size_t i : order) {
    std::vector<const Predictions*> with;
    for (const std::size_t k : kept) with.push_back(&members[k]);
    with.push_back(&members[i]);
    const std::int64_t correct = accuracy(mean_logits(with)).correct;
    if (correct < best) continue;
    best = correct;
    kept.push_back(i);
  }
  return kept;
}

TEST(LogitEnsemble, GreedyIsThePapersLoopOnMeanLogits) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const std::vector<Predictions> members = members_of(2 + seed % 9, seed);
    std::int64_t reads = 0;
    const LogitsOfModel logits = [&](std::size_t i) {
      ++reads;
      return members[i];
    };
    std::vector<Candidate> candidates;
    for (std::size_t i = 0; i < members.size(); ++i)
      candidates.push_back({std::to_string(i), evaluation_of(MetricKind::accuracy, members[i])});
    LogitEnsemble ensemble(logits, MetricKind::accuracy);
    const Walk walk = greedy_soup(candidates, std::ref(ensemble));
    EXPECT_EQ(walk.ingredients, by_hand(members)) << seed;
    EXPECT_LE(reads, static_cast<std::int64_t>(2 * members.size()));
    for (const LedgerEntry& entry : walk.ledger) EXPECT_EQ(entry.test.has_value(), entry.rank > 1);
  }
}

TEST(LogitEnsemble, RefusesOtherRows) {
  std::vector<Predictions> members = members_of(3, 1);
  members[1].labels[5] = (members[1].labels[5] + 1) % 4;
  EXPECT_THROW(ensemble_logits({0, 1}, [&](std::size_t i) { return members[i]; }), UsageError);
  EXPECT_THROW(ensemble_logits({}, [&](std::size_t i) { return members[i]; }), UsageError);
}

}  // namespace
}  // namespace stockpot
