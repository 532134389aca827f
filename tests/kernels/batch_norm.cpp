#include "stockpot/kernels/batch_norm.h"

#include <algorithm>

#include "support.h"

namespace stockpot {
namespace {

using namespace test;

constexpr std::int64_t kRows = 37, kChannels = 19;

TEST(Moments, JoinToThoseOfTheWhole) {
  const Floats x = random_floats(kRows * kChannels, 1, 5);
  Doubles mean(kChannels), variance(kChannels);
  for (std::size_t i = 0; i < x.size(); ++i) mean[i % kChannels] += x[i] / double{kRows};
  for (std::size_t i = 0; i < x.size(); ++i)
    variance[i % kChannels] += std::pow(x[i] - mean[i % kChannels], 2) / double{kRows};
  for (const std::int64_t rows : {37, 10, 1}) {
    const std::int64_t ranges = (kRows + rows - 1) / rows;
    Floats means(static_cast<std::size_t>(ranges * kChannels)), squares(means.size());
    for (std::int64_t r = 0; r < ranges; ++r)
      moments(std::min(rows, kRows - r * rows), kChannels, x.data() + r * rows * kChannels,
              means.data() + r * kChannels, squares.data() + r * kChannels);
    Floats joined_mean(kChannels), joined_variance(kChannels);
    join_moments(kRows, rows, kChannels, means.data(), squares.data(), joined_mean.data(),
                 joined_variance.data());
    expect_near(joined_mean, mean, 1e-6);
    expect_near(joined_variance, variance, 1e-6);
  }
}

TEST(BatchNorm, AddsTheShortcutThenCutsAtZero) {
  const Floats x = {2, -3, 4, 3}, mean = {1, -1}, scale = {2, 3}, bias = {1, 1};
  const Floats shortcut = {-4, 10, 0, 0};
  Floats y(4);
  batch_norm(2, 2, x.data(), mean.data(), scale.data(), bias.data(), {}, y.data());
  EXPECT_EQ(y, (Floats{3, -5, 7, 13}));
  batch_norm(2, 2, x.data(), mean.data(), scale.data(), bias.data(), {.relu = true}, y.data());
  EXPECT_EQ(y, (Floats{3, 0, 7, 13}));
  batch_norm(2, 2, x.data(), mean.data(), scale.data(), bias.data(),
             {.shortcut = shortcut.data(), .relu = true}, y.data());
  EXPECT_EQ(y, (Floats{0, 5, 7, 13}));
}

TEST(BatchNorm, LetsANaNThrough) {
  const Floats one = {1}, x = {NAN};
  Floats y(1);
  batch_norm(1, 1, x.data(), one.data(), one.data(), one.data(), {.relu = true}, y.data());
  EXPECT_TRUE(std::isnan(y[0]));
}

TEST(BatchNormSums, CountOnlyWhereTheResultIsPositive) {
  const Floats x = {1, 2, 3}, y = {1, 0, 5}, gradient = {10, 20, 30}, mean = {1};
  Floats sum(1), product(1);
  batch_norm_sums(3, 1, x.data(), y.data(), gradient.data(), mean.data(), sum.data(),
                  product.data());
  EXPECT_EQ(sum[0], 40);
  EXPECT_EQ(product[0], 60);
  batch_norm_sums(3, 1, x.data(), nullptr, gradient.data(), mean.data(), sum.data(),
                  product.data());
  EXPECT_EQ(sum[0], 100);
  EXPECT_EQ(product[0], 140);
}

TEST(BatchNormBackward, CombinesGradientInputAndConstant) {
  const Floats x = {1, 2}, y = {1, 0}, gradient = {10, 20}, a = {2}, b = {3}, c = {4};
  Floats dx(2), shortcut(2);
  batch_norm_backward(2, 1, x.data(), y.data(), gradient.data(), {a.data(), b.data(), c.data()},
                      dx.data(), shortcut.data());
  EXPECT_EQ(dx, (Floats{27, 10}));
  EXPECT_EQ(shortcut, (Floats{10, 0}));
  batch_norm_backward(2, 1, x.data(), nullptr, gradient.data(), {a.data(), nullptr, nullptr},
                      dx.data(), nullptr);
  EXPECT_EQ(dx, (Floats{20, 40}));
}

}  // namespace
}  // namespace stockpot
