// BatchNorm's statistics of models that do not count alike.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "stockpot/merge/statistics.h"

namespace stockpot {
namespace {

struct Statistics {
  double mean, variance;
};

// Of two models with means 0 and 2 and variances 1 and 3.
Statistics mixed(const std::vector<double>& shares) {
  const std::vector<OwnedTensor> tensors{
      make_tensor("bn.running_mean", Dtype::f32, {1}, std::vector<float>{0}),
      make_tensor("bn.running_mean", Dtype::f32, {1}, std::vector<float>{2}),
      make_tensor("bn.running_var", Dtype::f32, {1}, std::vector<float>{1}),
      make_tensor("bn.running_var", Dtype::f32, {1}, std::vector<float>{3})};
  std::vector<TensorView> views;
  for (const OwnedTensor& tensor : tensors) views.push_back(tensor.view());
  const std::vector<const TensorView*> means{&views[0], &views[1]};
  const std::vector<const TensorView*> all{&views[0], &views[1], &views[2], &views[3]};
  std::vector<double> mean(1), variance(1);
  total_variance(means, 2, shares, 0, mean);
  total_variance(all, 2, shares, 0, variance);
  return {mean[0], variance[0]};
}

TEST(BatchNormShares, WeighMeansVariancesAndTheirSpread) {
  EXPECT_DOUBLE_EQ(mixed({}).mean, 1);
  EXPECT_DOUBLE_EQ(mixed({}).variance, 3);  // 2 + 1
  EXPECT_DOUBLE_EQ(mixed({0.25, 0.75}).mean, 1.5);
  EXPECT_DOUBLE_EQ(mixed({0.25, 0.75}).variance, 3.25);  // 2.5 + 0.75
}

TEST(BatchNormShares, TheOrderOfTheModelsChangesNoBit) {
  std::vector<OwnedTensor> tensors;
  for (const char* name : {"bn.running_mean", "bn.running_var"})
    for (const float value : {0.1f, 2.3f, 0.7f, 1.9f})
      tensors.push_back(make_tensor(name, Dtype::f32, {1}, std::vector<float>{value}));
  std::vector<TensorView> views;
  for (const OwnedTensor& tensor : tensors) views.push_back(tensor.view());
  std::vector<std::size_t> order{0, 1, 2, 3};
  const std::vector<double> shares{0.17, 0.29, 0.23, 0.31};
  std::set<double> found;
  do {
    std::vector<const TensorView*> sources(8);
    std::vector<double> own(4), variance(1);
    for (std::size_t i = 0; i < 4; ++i) {
      sources[i] = &views[order[i]];
      sources[4 + i] = &views[4 + order[i]];
      own[i] = shares[order[i]];
    }
    total_variance(sources, 4, own, 0, variance);
    found.insert(variance[0]);
  } while (std::ranges::next_permutation(order).found);
  EXPECT_EQ(found.size(), 1u);
}

TEST(BatchNormShares, TheOnlyModelWithAShareGivesItsOwn) {
  EXPECT_EQ(mixed({0, 1}).mean, 2);
  EXPECT_EQ(mixed({0, 1}).variance, 3);
  EXPECT_EQ(mixed({1, 0}).mean, 0);
  EXPECT_EQ(mixed({1, 0}).variance, 1);
}

TEST(BatchNormShares, OutsideOfTheModelsAVarianceStopsAtZero) {
  EXPECT_DOUBLE_EQ(mixed({2, -1}).mean, -2);
  EXPECT_EQ(mixed({2, -1}).variance, 0);  // -1 - 8
}

TEST(BatchNormShares, AreWeightsOverTheirSum) {
  EXPECT_EQ(shares_of(std::vector<double>{1, 3}), (std::vector<double>{0.25, 0.75}));
  EXPECT_EQ(shares_of(std::vector<double>{2, 0, -2}), (std::vector<double>{0.5, 0, 0.5}));
  // Added up from the left, the second total is another number than the first.
  const std::vector<double> shares = shares_of(std::vector<double>{0.1, 0.2, 0.3});
  EXPECT_EQ(shares_of(std::vector<double>{0.3, 0.2, 0.1}),
            (std::vector<double>{shares[2], shares[1], shares[0]}));
}

}  // namespace
}  // namespace stockpot
