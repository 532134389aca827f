#include "stockpot/base/loss_valley.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "stockpot/base/error.h"
#include "stockpot/base/random.h"

namespace stockpot {
namespace {

SwadRule rule_of(const std::vector<double>& losses, const SwadOptions& options) {
  SwadRule rule(options);
  for (const double loss : losses) rule.add(loss);
  return rule;
}

TEST(SwadRule, StartsAtAMinimumThatLastsAndEndsWhereTheLossRises) {
  SwadRule rule({3, 3, 1.2});
  for (const double loss : {1.0, 0.8, 0.5, 0.6}) rule.add(loss);
  EXPECT_FALSE(rule.window());
  EXPECT_EQ(rule.undecided(), 2u);
  rule.add(0.55);  // 0.5 is the least of three: the threshold is 1.2 * 0.55 = 0.66
  ASSERT_TRUE(rule.window());
  EXPECT_EQ(rule.window()->first, 2u);
  EXPECT_NEAR(rule.window()->threshold, 0.66, 1e-15);
  EXPECT_EQ(rule.undecided(), 0u);
  for (const double loss : {0.6, 0.7, 0.65, 0.7, 0.8}) rule.add(loss);
  EXPECT_EQ(rule.undecided(), 2u);
  EXPECT_FALSE(rule.ended());
  rule.add(0.9);  // the third above it in a row
  EXPECT_TRUE(rule.ended());
  EXPECT_EQ(rule.window()->last, 7u);
  EXPECT_EQ(rule.undecided(), 0u);
  rule.add(0.1);  // behind the end
  EXPECT_EQ(rule.window()->last, 7u);
  EXPECT_EQ(rule.count(), 11u);
}

TEST(SwadRule, HasNoWindowWhileTheLossFalls) {
  EXPECT_FALSE(rule_of({5, 4, 3, 2, 1}, {}).window());
  EXPECT_FALSE(rule_of({}, {}).window());
  EXPECT_FALSE(rule_of({1, 2}, {}).window());
}

// What a prefix of the losses says is final, but for the undecided ones.
TEST(SwadRule, LeavesNoMoreUndecidedThanLossesToComeCanChange) {
  std::size_t changed = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    RandomStream random(seed, Purpose::test);
    const SwadOptions options{1 + seed % 4, 1 + seed / 4 % 5,
                              0.8 + 0.1 * static_cast<double>(seed % 6)};
    std::vector<double> losses;
    for (int i = 0; i < 30; ++i)
      losses.push_back(1 + std::abs(i - 12) * 0.1 + random.uniform(-0.3, 0.3));
    const SwadRule whole = rule_of(losses, options);
    SwadRule prefix(options);
    for (std::size_t done = 1; done <= losses.size(); ++done) {
      prefix.add(losses[done - 1]);
      if (prefix.ended()) break;
      ASSERT_LT(prefix.undecided(), std::max(options.start_patience, options.end_patience));
      for (std::size_t i = 0; i < done; ++i) {
        if (prefix.contains(i) == whole.contains(i)) continue;
        ++changed;
        ASSERT_GE(i, done - prefix.undecided()) << seed << " " << done;
      }
    }
  }
  EXPECT_GT(changed, 100u);
}

TEST(SwadRule, RefusesWhatCannotBe) {
  EXPECT_THROW(rule_of({1, NAN}, {}), UsageError);
  EXPECT_THROW(SwadRule({0, 1, 1}), UsageError);
  EXPECT_THROW(SwadRule({1, 0, 1}), UsageError);
  EXPECT_THROW(SwadRule({1, 1, 0}), UsageError);
}

}  // namespace
}  // namespace stockpot
