#include <gtest/gtest.h>

#include "stockpot/train/fit.h"

namespace stockpot {
namespace {

TEST(LearningRate, FallsAsACosine) {
  FitOptions options;
  options.learning_rate = 2;
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 0, 4), 2);
  EXPECT_NEAR(learning_rate_at(options, 1, 4), 1.7071067811865475, 1e-15);
  EXPECT_NEAR(learning_rate_at(options, 2, 4), 1, 1e-15);
  EXPECT_NEAR(learning_rate_at(options, 4, 4), 0, 1e-15);
}

// transformers' get_linear_schedule_with_warmup(3 of 9).
TEST(LearningRate, WarmsUpFromZero) {
  FitOptions options;
  options.learning_rate = 3;
  options.schedule = Schedule::linear;
  options.warmup = 0.25;  // 2.25 of 9 steps: three
  const double expected[] = {0, 1, 2, 3, 2.5, 2, 1.5, 1, 0.5};
  for (std::int64_t step = 0; step < 9; ++step)
    EXPECT_DOUBLE_EQ(learning_rate_at(options, step, 9), expected[step]) << step;
}

TEST(LearningRate, StaysWhenConstant) {
  FitOptions options;
  options.schedule = Schedule::constant;
  EXPECT_EQ(learning_rate_at(options, 99, 100), options.learning_rate);
}

}  // namespace
}  // namespace stockpot
