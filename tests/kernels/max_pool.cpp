#include "stockpot/kernels/max_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support.h"

namespace stockpot {
namespace {

using namespace test;

TEST(MaxPool, TakesTheFirstLargestOfEveryWindowAndSendsItsGradientBack) {
  const PoolShape shape{.height = 5, .width = 6, .channels = 19};
  Floats x = random_floats(5 * 6 * 19, 1);
  for (float& value : x) value = static_cast<float>(static_cast<int>(value * 2));  // ties
  const std::int64_t outputs = shape.out_height() * shape.out_width() * shape.channels;
  ASSERT_EQ(outputs, 3 * 3 * 19);
  Floats y(static_cast<std::size_t>(outputs)), back(x.size());
  const Floats gradient = random_floats(outputs, 2);
  std::vector<std::uint8_t> which(y.size());
  max_pool(shape, x.data(), y.data(), which.data());
  max_pool_backward(shape, gradient.data(), which.data(), back.data());

  Doubles expected_back(x.size());
  for (std::int64_t o = 0; o < outputs; ++o) {
    const std::int64_t c = o % 19, column = o / 19 % 3, row = o / 19 / 3;
    std::int64_t best = -1;
    for (std::int64_t i = std::max<std::int64_t>(0, 2 * row - 1);
         i < std::min<std::int64_t>(5, 2 * row + 2); ++i)
      for (std::int64_t j = std::max<std::int64_t>(0, 2 * column - 1);
           j < std::min<std::int64_t>(6, 2 * column + 2); ++j) {
        const std::int64_t at = (i * 6 + j) * 19 + c;
        if (best < 0 || x[static_cast<std::size_t>(at)] > x[static_cast<std::size_t>(best)])
          best = at;
      }
    EXPECT_EQ(y[static_cast<std::size_t>(o)], x[static_cast<std::size_t>(best)]);
    expected_back[static_cast<std::size_t>(best)] += gradient[static_cast<std::size_t>(o)];
  }
  expect_near(back, expected_back, 1e-6);
}

}  // namespace
}  // namespace stockpot
