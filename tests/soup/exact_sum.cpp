#include "stockpot/soup/exact_sum.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "stockpot/base/random.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {
namespace {

using Values = std::vector<double>;

constexpr std::int64_t kElements = 2 * kTileElements + 7;

// Numbers whose exponents lie up to `spread` apart, with zeros of both signs among them.
Values numbers(std::uint64_t seed, int spread, bool single = false) {
  RandomStream random(seed, Purpose::test);
  Values values;
  for (std::int64_t i = 0; i < kElements; ++i) {
    double x =
        std::ldexp(random.uniform(-1, 1), static_cast<int>(random.below(spread)) - spread / 2);
    if (random.chance(0.05)) x = random.chance(0.5) ? 0.0 : -0.0;
    values.push_back(single ? static_cast<double>(static_cast<float>(x)) : x);
  }
  return values;
}

void change(ExactSum& sum, const Values& x, int sign) {
  for (std::int64_t first = 0; first < kElements; first += kTileElements) {
    const auto count = static_cast<std::size_t>(std::min(kTileElements, kElements - first));
    const auto part = std::span(x).subspan(static_cast<std::size_t>(first), count);
    sign > 0 ? sum.add(first, part) : sum.remove(first, part);
  }
}

Values mean(const ExactSum& sum, int count, const Values& extra = {}, double sign = 1) {
  Values out(kElements);
  for (std::int64_t first = 0; first < kElements; first += kTileElements) {
    const auto size = static_cast<std::size_t>(std::min(kTileElements, kElements - first));
    const auto at = static_cast<std::size_t>(first);
    const auto x = extra.empty() ? std::span<const double>() : std::span(extra).subspan(at, size);
    sum.mean(first, x, sign, count, std::span(out).subspan(at, size));
  }
  return out;
}

bool same_bits(const Values& a, const Values& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

TEST(ExactSum, UndoesAnAdditionBitForBit) {
  for (const int spread : {4, 60, 300, 1800}) {
    ExactSum sum(kElements), fresh(kElements);
    for (std::uint64_t i = 0; i < 6; ++i) change(sum, numbers(i, spread), 1);
    for (const std::uint64_t i : {1, 4, 0}) change(sum, numbers(i, spread), -1);
    for (const std::uint64_t i : {5, 3, 2}) change(fresh, numbers(i, spread), 1);
    EXPECT_TRUE(same_bits(mean(sum, 3), mean(fresh, 3))) << spread;
  }
}

TEST(ExactSum, LooksAtOneMoreOrLessWithoutChanging) {
  for (const int spread : {4, 60, 300, 1800}) {
    ExactSum two(kElements), three(kElements);
    for (const std::uint64_t i : {0, 1}) change(two, numbers(i, spread), 1);
    for (const std::uint64_t i : {2, 1, 0}) change(three, numbers(i, spread), 1);
    const Values before = mean(two, 2);
    EXPECT_TRUE(same_bits(mean(two, 3, numbers(2, spread)), mean(three, 3))) << spread;
    EXPECT_TRUE(same_bits(mean(three, 2, numbers(2, spread), -1), before)) << spread;
    EXPECT_TRUE(same_bits(mean(two, 2), before));
  }
}

TEST(ExactSum, OfOneIsThatOne) {
  for (const int spread : {4, 1800}) {
    ExactSum sum(kElements);
    change(sum, numbers(7, spread), 1);
    EXPECT_TRUE(same_bits(mean(sum, 1), numbers(7, spread)));
    EXPECT_TRUE(same_bits(mean(ExactSum(kElements), 1, numbers(7, spread)), numbers(7, spread)));
  }
}

TEST(ExactSum, OfCopiesIsTheCopy) {
  for (const int copies : {2, 3, 7, 72}) {
    ExactSum sum(kElements);
    for (int i = 0; i < copies; ++i) change(sum, numbers(9, 100), 1);
    EXPECT_TRUE(same_bits(mean(sum, copies), numbers(9, 100))) << copies;
  }
}

TEST(ExactSum, KeepsWhatOneDoubleWouldLose) {
  const auto sum_of = [](std::vector<double> terms) {
    ExactSum sum(1);
    for (const double term : terms) sum.add(0, std::span(&term, 1));
    double out = 0;
    sum.mean(0, {}, 1, 1, std::span(&out, 1));
    return out;
  };
  EXPECT_EQ(sum_of({1e16, 1, -1e16}), 1);
  EXPECT_EQ(sum_of({1e300, 1e-300, -1e300}), 1e-300);
  EXPECT_EQ(sum_of({1e100, 1, -1e100, 1e50, 1, -1e50}), 2);
}

TEST(ExactSum, AMeanIsMinusZeroOnlyWhenAllTermsAre) {
  const double minus = -0.0, plus = 0.0, two = 2, minus_two = -2;
  const auto one = [](const double& x) { return std::span(&x, 1); };
  ExactSum sum(1);
  double out = 1;
  sum.add(0, one(minus));
  sum.add(0, one(minus));
  sum.mean(0, {}, 1, 2, std::span(&out, 1));
  EXPECT_TRUE(out == 0 && std::signbit(out));
  sum.mean(0, one(plus), 1, 3, std::span(&out, 1));
  EXPECT_FALSE(std::signbit(out));
  sum.add(0, one(two));
  sum.add(0, one(minus_two));
  sum.mean(0, {}, 1, 4, std::span(&out, 1));
  EXPECT_FALSE(std::signbit(out));
  sum.remove(0, one(two));
  sum.remove(0, one(minus_two));
  sum.mean(0, {}, 1, 2, std::span(&out, 1));
  EXPECT_TRUE(std::signbit(out));
}

}  // namespace
}  // namespace stockpot
