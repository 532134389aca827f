// The heads of a whole path: kept, read back, and scored on sets that choose nothing.
#include "stockpot/train/probe_heads.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "../base/temporary_folder.h"
#include "digits.h"
#include "stockpot/base/error.h"

namespace stockpot {
namespace {

using test::digits;

ProbeResult fitted() {
  ProbeOptions options = test::penalties(logspace(-7, 2, 25));
  options.keep_all = true;
  return digits().probe(options);
}

at::Tensor test_features() { return digits().features.slice(0, 1400); }
at::Tensor test_labels() { return digits().labels.slice(0, 1400); }

std::string refusal(const std::function<void()>& body) {
  try {
    body();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(ProbeHeads, AreThoseOfThePathAndHoldTheChosenOne) {
  const ProbeResult result = fitted();
  const auto chosen = static_cast<std::int64_t>(result.chosen);
  EXPECT_TRUE(test::same_bits(result.heads.weights[chosen], result.weight));
  EXPECT_TRUE(test::same_bits(result.heads.biases[chosen], result.bias));
  EXPECT_EQ(result.heads.c, logspace(-7, 2, 25));
  // By raw features and folded weights as by normalised ones.
  const auto scores = score_probe_heads(result.heads, "val", digits().features.slice(0, 1000, 1400),
                                        digits().labels.slice(0, 1000, 1400));
  for (std::size_t i = 0; i < scores.size(); ++i)
    EXPECT_EQ(scores[i], result.path[i].held_out) << i;
}

TEST(ProbeHeads, KeepingThemChangesNothing) {
  const ProbeResult alone = digits().probe(test::penalties(logspace(-7, 2, 25)));
  const ProbeResult kept = fitted();
  EXPECT_EQ(kept.chosen, alone.chosen);
  EXPECT_TRUE(test::same_bits(kept.weight, alone.weight));
}

TEST(ProbeHeads, ScoreEveryPenaltyOnATestSet) {
  const ProbeResult result = fitted();
  const auto scores = score_probe_heads(result.heads, "ood", test_features(), test_labels());
  ASSERT_EQ(scores.size(), 25U);
  for (std::int64_t i = 0; i < 25; ++i) {
    const at::Tensor logits =
        at::linear(test_features(), result.heads.weights[i], result.heads.biases[i]);
    const auto correct = logits.argmax(1).eq(test_labels()).sum().item<std::int64_t>();
    EXPECT_EQ(scores[static_cast<std::size_t>(i)], (Accuracy{correct, 397})) << i;
  }
}

TEST(ProbeHeads, ComeBackFromTheirFile) {
  const TemporaryFolder folder;
  const ProbeHeads heads = fitted().heads;
  write_probe_heads(folder.path() / "path.safetensors", heads);
  const ProbeHeads back = read_probe_heads(folder.path() / "path.safetensors");
  EXPECT_EQ(back.c, heads.c);
  EXPECT_EQ(back.present, heads.present);
  EXPECT_TRUE(test::same_bits(back.weights, heads.weights));
  EXPECT_TRUE(test::same_bits(back.biases, heads.biases));
}

TEST(ProbeHeads, AFileOfOtherShapesIsRefused) {
  const TemporaryFolder folder;
  ProbeHeads heads = fitted().heads;
  heads.c.pop_back();
  write_probe_heads(folder.path() / "path.safetensors", heads);
  EXPECT_THROW(read_probe_heads(folder.path() / "path.safetensors"), FormatError);
  heads = fitted().heads;
  heads.present.back() = 10;
  write_probe_heads(folder.path() / "path.safetensors", heads);
  EXPECT_THROW(read_probe_heads(folder.path() / "path.safetensors"), FormatError);
}

TEST(ProbeHeads, ATestSetWithoutACommonClassIsRefused) {
  ProbeHeads heads = fitted().heads;
  const std::string expected = "the 'stl' set has no class in common with the training set";
  EXPECT_EQ(refusal([&] {
              score_probe_heads(heads, "stl", test_features(), at::full({397}, -1, at::kLong));
            }),
            expected);
  // A class that the head has but that had no training rows is not in common either.
  heads.present = {0, 1, 2};
  EXPECT_EQ(refusal([&] {
              score_probe_heads(heads, "stl", test_features(), at::full({397}, 7, at::kLong));
            }),
            expected);
}

TEST(ProbeHeads, ATestSetThatDoesNotFitIsRefused) {
  const ProbeHeads heads = fitted().heads;
  EXPECT_EQ(refusal([&] {
              score_probe_heads(heads, "stl", test_features().slice(1, 0, 60), test_labels());
            }),
            "the 'stl' set has 60 features a row, the training set 64");
  at::Tensor broken = test_features().clone();
  broken[3][5].fill_(std::nanf(""));
  EXPECT_THROW(score_probe_heads(heads, "stl", broken, test_labels()), RunError);
}

}  // namespace
}  // namespace stockpot
