#include "stockpot/merge/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "stockpot/merge/gram_kernels.h"

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

// The sum that add_gram() promises.
double product_in_lanes(const double* a, const double* b, std::size_t columns) {
  double lanes[8] = {};
  const std::size_t whole = columns / 8 * 8;
  for (std::size_t i = 0; i < columns; ++i) lanes[i < whole ? i % 8 : 0] += a[i] * b[i];
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

TEST(MergeKernels, AddGramAddsInItsOrderForAnyNumberOfRows) {
  std::vector<double> x(13 * 45);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<double>(i));
  for (std::size_t rows = 1; rows <= 13; ++rows)
    for (const std::size_t columns : {0, 1, 7, 8, 24, 45}) {
      std::vector<double> gram(rows * rows, 0.5);
      add_gram(x.data(), rows, columns, gram.data());
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < rows; ++j) {
          const double product =
              product_in_lanes(x.data() + i * columns, x.data() + j * columns, columns);
          EXPECT_EQ(gram[i * rows + j], j <= i ? 0.5 + product : 0.5) << rows << " " << columns;
        }
    }
}

TEST(MergeKernels, TaskVectorsAreDifferencesAndTheirSum) {
  std::vector<float> x(4 * 37);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i));
  // Stored at an odd address, the base first.
  std::vector<std::byte> bytes(1 + x.size() * sizeof(float));
  std::memcpy(bytes.data() + 1, x.data(), x.size() * sizeof(float));
  std::vector<const std::byte*> models;
  for (std::size_t m = 1; m < 4; ++m) models.push_back(bytes.data() + 1 + m * 37 * sizeof(float));
  std::vector<double> rows(3 * 37), total(37);
  task_vectors_f32(models, bytes.data() + 1, 0, rows.data(), total);
  for (std::size_t i = 0; i < 37; ++i) {
    double sum = 0;
    for (std::size_t m = 0; m < 3; ++m) {
      EXPECT_EQ(rows[m * 37 + i], static_cast<double>(x[(m + 1) * 37 + i]) - x[i]);
      sum += rows[m * 37 + i];
    }
    EXPECT_EQ(total[i], sum);
  }
}

}  // namespace
}  // namespace stockpot::merge_kernels
