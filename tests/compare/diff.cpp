#include "stockpot/compare/diff.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/compare/trained.h"

namespace stockpot {
namespace {

CheckpointDiff compare(const Checkpoint& a, const Checkpoint& b, DiffOptions options = {}) {
  Silent silent;
  return diff(a, b, options, silent);
}

OwnedTensor small(const std::string& name, std::vector<float> values) {
  return make_tensor(name, Dtype::f32, {static_cast<std::int64_t>(values.size())}, values);
}

// numpy: a = [1, 2, 3, 4], b = [1, 2.5, 2, 4]: norm(a-b) = 1.118034, / norm(a) = 0.204124,
// cosine 0.979296.
TEST(Diff, GivesTheNumbersOfNumpy) {
  const Kitchen kitchen;
  const Checkpoint a = kitchen.open("a", {small("x.0.w", {1, 2, 3, 4})});
  const Checkpoint b = kitchen.open("b", {small("x.0.w", {1, 2.5, 2, 4})});
  const CheckpointDiff result = compare(a, b);
  ASSERT_TRUE(result.tensors[0].statistics);
  const PairStatistics& numbers = *result.tensors[0].statistics;
  EXPECT_EQ(numbers.differing, 2);
  EXPECT_DOUBLE_EQ(numbers.sums.largest, 1);
  EXPECT_NEAR(numbers.relative(), 0.204124, 1e-6);
  EXPECT_NEAR(numbers.cosine(), 0.979296, 1e-6);
  EXPECT_EQ(result.blocks[0].name, "x.0");
  EXPECT_FALSE(result.equal);
}

TEST(Diff, SaysThatEqualIsEqualBitForBit) {
  const Kitchen kitchen;
  const Checkpoint a = kitchen.open("a", scratch(1)), b = kitchen.open("b", scratch(1));
  const CheckpointDiff result = compare(a, b);
  EXPECT_TRUE(result.same_bits);
  EXPECT_PRED2(contains, diff_text(result, {}), "equal, bit for bit: 4 of 4 tensors are the same");
}

TEST(Diff, ToleranceMakesNearValuesEqualButNotTheSame) {
  const Kitchen kitchen;
  const Checkpoint a = kitchen.open("a", {small("w", {1, 2})});
  const Checkpoint b = kitchen.open("b", {small("w", {1, 2.25})});
  EXPECT_TRUE(compare(a, b, {.tolerance = 0.25}).equal);
  EXPECT_FALSE(compare(a, b, {.tolerance = 0.25}).same_bits);
  EXPECT_FALSE(compare(a, b, {.tolerance = 0.2}).equal);
}

TEST(Diff, ZeroOfTheOtherSignDiffersInBitsOnly) {
  const Kitchen kitchen;
  const Checkpoint a = kitchen.open("a", {small("w", {0, 1})});
  const Checkpoint b = kitchen.open("b", {small("w", {-0.0f, 1})});
  EXPECT_FALSE(compare(a, b).equal);
  EXPECT_TRUE(compare(a, b, {.tolerance = 0}).equal);
}

TEST(Diff, NotFiniteValuesDoNotHideTheOthers) {
  const Kitchen kitchen;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Checkpoint a = kitchen.open("a", {small("w", {nan, 3, 4})});
  const Checkpoint b = kitchen.open("b", {small("w", {1, 3, 4.5})});
  const CheckpointDiff result = compare(a, b);
  EXPECT_EQ(result.whole.not_finite, 1);
  EXPECT_EQ(result.whole.differing, 2);
  EXPECT_DOUBLE_EQ(result.whole.relative(), 0.1);
}

TEST(Diff, ListsWhatOnlyOneHasAndOtherShapesAndTypes) {
  const Kitchen kitchen;
  const Checkpoint a = kitchen.open(
      "a", {small("both", {1}), small("left", {1}), small("shape", {1, 2}), small("type", {1})});
  const Checkpoint b =
      kitchen.open("b", {small("both", {1}), small("right", {1}), small("shape", {1}),
                         make_tensor("type", Dtype::bf16, {1}, std::vector<float>{1})});
  const std::string page = diff_text(compare(a, b), {});
  EXPECT_PRED2(contains, page, "only in A (1)\n    left  F32 [1]");
  EXPECT_PRED2(contains, page, "only in B (1)\n    right  F32 [1]");
  EXPECT_PRED2(contains, page, "shape  [2] in A, [1] in B");
  EXPECT_PRED2(contains, page, "type  F32 in A, BF16 in B");
}

}  // namespace
}  // namespace stockpot
