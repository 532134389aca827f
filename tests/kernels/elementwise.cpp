#include "stockpot/kernels/gelu.h"
#include "stockpot/kernels/math.h"
#include "stockpot/kernels/rows.h"
#include "support.h"

namespace stockpot {
namespace {

using namespace test;

double exact_probability(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }
double exact_density(double x) { return std::exp(-0.5 * x * x) / std::sqrt(2 * M_PI); }

Floats grid() {
  Floats x;
  for (int i = -16000; i <= 16000; ++i) x.push_back(static_cast<float>(i) / 1000);
  return x;
}

TEST(FastExp, IsWithinTwoUnitsInTheLastPlace) {
  for (float x = -87; x <= 88; x += 0.00371f) {
    const double exact = std::exp(static_cast<double>(x));
    ASSERT_NEAR(fast_exp(x) / exact, 1, 2.4e-7) << x;
  }
}

TEST(FastExp, IsZeroBelowItsRangeAndFiniteAbove) {
  EXPECT_EQ(fast_exp(-88), 0);
  EXPECT_EQ(fast_exp(-1e30f), 0);
  EXPECT_EQ(fast_exp(0), 1);
  EXPECT_TRUE(std::isfinite(fast_exp(1000)));
}

TEST(Normal, IsWithinAMillionthEvenInTheLowerTail) {
  for (const float x : grid()) {
    const double exact = exact_probability(x);
    if (exact < 1e-30) continue;
    // x^2 / 2 itself is rounded: half a unit of 50 is 2e-6 of its exponential.
    ASSERT_NEAR(normal(x).probability / exact, 1, 1e-6 + 6e-8 * x * x) << x;
  }
}

TEST(Gelu, EqualsItsDefinitionAndMayBeInPlace) {
  const Floats x = grid();
  Doubles expected;
  for (const float v : x) expected.push_back(v * exact_probability(v));
  Floats y = x;
  gelu(static_cast<std::int64_t>(x.size()), y.data(), y.data());
  expect_near(y, expected, 4e-7);
}

TEST(Gelu, HasTheDerivativeOfItsDefinitionAndItsOwnValue) {
  const Floats x = grid();
  const auto n = static_cast<std::int64_t>(x.size());
  Floats gradient = random_floats(n, 1), value(x.size()), again(x.size());
  Doubles expected;
  for (std::size_t i = 0; i < x.size(); ++i)
    expected.push_back(gradient[i] * (exact_probability(x[i]) + x[i] * exact_density(x[i])));
  gelu_backward(n, x.data(), gradient.data(), gradient.data(), again.data());
  expect_near(gradient, expected, 1e-6);
  gelu(n, x.data(), value.data());
  EXPECT_EQ(again, value);
}

TEST(Rows, AddUpByColumnAndByPart) {
  const Floats x = {1, 2, 3, 4, 5, 6};
  Floats sums = {10, 20};
  add_column_sums(3, 2, x.data(), 2, sums.data());
  EXPECT_EQ(sums, (Floats{10 + 1 + 3 + 5, 20 + 2 + 4 + 6}));
  add_parts(3, 2, x.data(), sums.data());
  EXPECT_EQ(sums, (Floats{9, 12}));
}

}  // namespace
}  // namespace stockpot
