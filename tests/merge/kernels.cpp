#include "stockpot/merge/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace stockpot::merge_kernels {
namespace {

TEST(MergeKernels, AddExactlyKeepsWhatDoublesLose) {
  std::vector<double> high{1}, low{0};
  for (int i = 0; i < 1000; ++i) add_exactly(high, low, std::vector<double>{1e-20});
  add_exactly(high, low, std::vector<double>{-1});
  EXPECT_NEAR(high[0], 1e-17, 1e-30);
}

TEST(MergeKernels, DivideExactlyUsesTheLowHalf) {
  std::vector<double> high{9}, low{0x1.cp-51};
  divide_exactly(high, low, 3);
  EXPECT_EQ(high[0], 3 + 0x1p-51);
}

TEST(MergeKernels, LargestMagnitudeFindsInfinityAndNan) {
  EXPECT_EQ(largest_magnitude({}), 0);
  EXPECT_EQ(largest_magnitude(std::vector<double>{1, -3, 2}), 3);
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(largest_magnitude(std::vector<double>{1, -infinity, 2}), infinity);
  EXPECT_TRUE(std::isnan(largest_magnitude(std::vector<double>{infinity, -std::nan(""), 2})));
}

TEST(MergeKernels, MixIsTheWeightedSum) {
  std::vector<double> a{1, 2, 4};
  mix(a, std::vector<double>{3, 2, 0}, 0.25);
  EXPECT_EQ(a, (std::vector<double>{1.5, 2, 3}));
}

}  // namespace
}  // namespace stockpot::merge_kernels
