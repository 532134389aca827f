#include "stockpot/metrics/paired_test.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "stockpot/base/random.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot {
namespace {

using Differences = std::vector<std::int64_t>;

// By its definition: all 2^n signs, one by one.
double enumerated(const Differences& differences) {
  std::int64_t observed = 0, as_large = 0;
  for (const std::int64_t difference : differences) observed += difference;
  const std::size_t ways = std::size_t{1} << differences.size();
  for (std::size_t signs = 0; signs < ways; ++signs) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < differences.size(); ++i)
      sum += (signs >> i & 1) != 0 ? differences[i] : -differences[i];
    as_large += std::abs(sum) >= std::abs(observed) ? 1 : 0;
  }
  return static_cast<double>(as_large) / static_cast<double>(ways);
}

TEST(SignFlipTest, IsTheShareOfAllSignsWithASumAsLarge) {
  EXPECT_EQ(sign_flip_test({}), 1);
  EXPECT_EQ(sign_flip_test(Differences{0, 0}), 1);
  EXPECT_EQ(sign_flip_test(Differences{5}), 1);
  EXPECT_DOUBLE_EQ(sign_flip_test(Differences{2, 1, -1}), 0.75);
  EXPECT_DOUBLE_EQ(sign_flip_test(Differences{5, 5, 5, 5, 5, 5}), 2 / 64.0);
  // scipy.stats.permutation_test, permutation_type="samples", all of them.
  EXPECT_DOUBLE_EQ(sign_flip_test(Differences{3, -1, 4, 1, -5, 2, 2, 1}), 0.46875);
  EXPECT_DOUBLE_EQ(sign_flip_test(Differences{5, 5, 4, -1, 2, 0, 3, 1, -2, 1, 4}), 0.033203125);
  RandomStream random(7, Purpose::test);
  for (int round = 0; round < 300; ++round) {
    Differences differences(1 + random.below(12));
    // Up to five copies, as severities, or up to seventy-five, as all corruptions of a benchmark.
    const std::uint64_t most = round % 3 == 0 ? 75 : 5;
    for (std::int64_t& one : differences)
      one = static_cast<std::int64_t>(random.below(2 * most + 1)) - static_cast<std::int64_t>(most);
    EXPECT_NEAR(sign_flip_test(differences), enumerated(differences), 1e-14) << round;
  }
}

TEST(SignFlipTest, IsMcNemarsWithOneRowAPicture) {
  for (const auto& [b, c] :
       {std::pair{10, 2}, {7, 1}, {5, 5}, {25, 0}, {120, 95}, {0, 0}, {0, 1}}) {
    Differences differences(static_cast<std::size_t>(b), 1);
    differences.insert(differences.end(), static_cast<std::size_t>(c), -1);
    differences.push_back(0);
    EXPECT_NEAR(sign_flip_test(differences) / mcnemar(b, c), 1, 1e-12) << b << " " << c;
  }
  Differences many(1000, 1);
  many.insert(many.end(), 2000, -1);
  EXPECT_NEAR(sign_flip_test(many) / 1.0090148627940651e-75, 1, 1e-9);
}

TEST(SignFlipTest, OfManyPicturesIsNearTheNormalDistribution) {
  RandomStream random(3, Purpose::test);
  Differences differences(5000);
  double sum = 0, squares = 0;
  for (std::int64_t& one : differences) {
    one = static_cast<std::int64_t>(random.below(11)) - 5;
    sum += static_cast<double>(one);
    squares += static_cast<double>(one * one);
  }
  // Sums have one parity: the step is 2.
  const double z = (std::abs(sum) - 1) / std::sqrt(squares);
  EXPECT_NEAR(sign_flip_test(differences), std::erfc(z / std::sqrt(2.0)), 1e-4);
  for (std::int64_t& one : differences) one = 5;
  EXPECT_EQ(sign_flip_test(differences), 0) << "2^-4999 is below every number";
}

RightRows rows(const std::vector<bool>& right) { return RightRows(right); }

TEST(PairedTest, OfIndependentRowsIsMcNemars) {
  const RightRows first = rows({1, 0, 1, 1, 1, 0, 0, 1, 0, 1}),
                  second = rows({0, 0, 1, 1, 1, 1, 0, 1, 1, 1});
  const PairedTest test = paired_test(first, second);
  EXPECT_EQ(test.only_first, 1);
  EXPECT_EQ(test.only_second, 2);
  EXPECT_EQ(test.p, mcnemar(1, 2));
  EXPECT_EQ(test.pictures, 0);
  EXPECT_EQ(name_of(test), "exact McNemar test");
  EXPECT_EQ(paired_test(first, first).p, 1);
  // Each picture through one corruption is a row of its own.
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(std::to_string(i) + "@jpeg:3");
  const PairedTest corrupted = paired_test(first, second, pictures_of(ids));
  EXPECT_EQ(corrupted.p, test.p);
  EXPECT_EQ(corrupted.pictures, 0);
}

TEST(PairedTest, FiveCopiesThatAreRightTogetherAreOnePicture) {
  // Of 20 pictures the first model alone gets 7 right, the second one 1, through all severities.
  std::vector<std::string> ids;
  std::vector<bool> first, second;
  for (int severity = 1; severity <= 5; ++severity)
    for (int i = 0; i < 20; ++i) {
      ids.push_back("a/" + std::to_string(i) + ".png@jpeg:" + std::to_string(severity));
      first.push_back(i != 7);
      second.push_back(i >= 7);
    }
  const PairedTest test = paired_test(rows(first), rows(second), pictures_of(ids));
  EXPECT_EQ(test.only_first, 35);
  EXPECT_EQ(test.only_second, 5);
  EXPECT_EQ(test.pictures, 20);
  EXPECT_NEAR(test.p, mcnemar(7, 1), 1e-14);
  EXPECT_LT(mcnemar(35, 5), 1e-5) << "what counting rows would have said";
  EXPECT_EQ(name_of(test), "exact permutation test over 20 pictures");
}

TEST(PairedTest, CopiesThatDisagreeAddUp) {
  // Differences by picture: a 2 - 0, b 1 - 1, c 0 - 1, d 1 - 0 (clean).
  const std::vector<std::string> ids{"a@jpeg:1", "b@jpeg:1", "c@jpeg:1", "d",
                                     "a@jpeg:2", "b@jpeg:2", "c@jpeg:2"};
  const PairedTest test =
      paired_test(rows({1, 1, 0, 1, 1, 0, 1}), rows({0, 0, 1, 0, 0, 1, 1}), pictures_of(ids));
  EXPECT_DOUBLE_EQ(test.p, enumerated({2, 0, -1, 1}));
}

}  // namespace
}  // namespace stockpot
