// The loss and the optimizers.
#include <algorithm>

#include "stockpot/kernels/cross_entropy.h"
#include "stockpot/kernels/optimizer.h"
#include "support.h"

namespace stockpot {
namespace {

using namespace test;

TEST(CrossEntropy, EqualsItsDefinitionWithGradient) {
  constexpr std::int64_t rows = 5;
  for (const std::int64_t classes : {2, 7, 200})
    for (const float smoothing : {0.0f, 0.1f}) {
      const Floats x = random_floats(rows * classes, 1, 10);
      const std::vector<std::int64_t> labels = {0, 1, 0, classes - 1, 1};
      Doubles losses, gradients;
      for (std::int64_t r = 0; r < rows; ++r) {
        const float* row = x.data() + r * classes;
        double sum = 0, loss = 0;
        for (std::int64_t j = 0; j < classes; ++j) sum += std::exp(static_cast<double>(row[j]));
        for (std::int64_t j = 0; j < classes; ++j) {
          const double hit = labels[static_cast<std::size_t>(r)] == j ? 1 - smoothing : 0;
          const double target = hit + smoothing / static_cast<double>(classes);
          loss += target * (std::log(sum) - row[j]);
          gradients.push_back(0.25 * (std::exp(static_cast<double>(row[j])) / sum - target));
        }
        losses.push_back(loss);
      }
      Floats loss(rows), gradient(x.size());
      cross_entropy(rows, classes, x.data(), labels.data(), smoothing, 0.25f, loss.data(),
                    gradient.data());
      expect_near(loss, losses, 3e-6);
      expect_near(gradient, gradients, 1e-6);
    }
}

TEST(CrossEntropy, SurvivesLargeLogits) {
  const Floats x = {1000, -1000, 0};
  const std::int64_t label = 1;
  Floats loss(1), gradient(3);
  cross_entropy(1, 3, x.data(), &label, 0, 1, loss.data(), gradient.data());
  EXPECT_FLOAT_EQ(loss[0], 2000);
  EXPECT_EQ(gradient, (Floats{1, -1, 0}));
}

TEST(AdamW, EqualsItsDefinitionOverThreeSteps) {
  constexpr std::int64_t n = 101;
  Floats w = random_floats(n, 1), m(n), v(n);
  Doubles x(w.begin(), w.end()), mean(n), square(n);
  AdamW adam{.learning_rate = 0.01, .weight_decay = 0.1, .gradient_scale = 0.5};
  for (adam.step = 1; adam.step <= 3; ++adam.step) {
    const Floats gradient = random_floats(n, static_cast<unsigned>(adam.step));
    adam.update(w, gradient, m, v);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double g = 0.5 * gradient[i], t = static_cast<double>(adam.step);
      mean[i] = 0.9 * mean[i] + 0.1 * g;
      square[i] = 0.999 * square[i] + 0.001 * g * g;
      x[i] *= 1 - 0.01 * 0.1;
      x[i] -= 0.01 * mean[i] / (1 - std::pow(0.9, t)) /
              (std::sqrt(square[i] / (1 - std::pow(0.999, t))) + 1e-8);
    }
  }
  expect_near(w, x, 1e-6);
}

TEST(MomentumSgd, EqualsItsDefinitionOverTwoSteps) {
  Floats w = {1}, buffer = {0};
  const MomentumSgd sgd{.learning_rate = 0.5, .momentum = 0.5, .weight_decay = 0.25};
  sgd.update(w, Floats{2}, buffer);
  EXPECT_EQ(buffer[0], 2.25f);
  EXPECT_EQ(w[0], -0.125f);
  sgd.update(w, Floats{2}, buffer);
  EXPECT_EQ(buffer[0], 1.125f + 2 - 0.03125f);
}

TEST(Optimizers, HaveTheSameBitsHoweverTheBufferIsSplit) {
  constexpr std::size_t n = 1001;
  const Floats start = random_floats(n, 1), gradient = random_floats(n, 2);
  const AdamW adam{.learning_rate = 0.01, .weight_decay = 0.1};
  const auto run = [&](std::size_t piece) {
    Floats w = start, m(n), v(n);
    for (std::size_t i = 0; i < n; i += piece) {
      const std::size_t count = std::min(piece, n - i);
      adam.update(std::span(w).subspan(i, count), std::span(gradient).subspan(i, count),
                  std::span(m).subspan(i, count), std::span(v).subspan(i, count));
    }
    return w;
  };
  for (const std::size_t piece : {501, 143, 1}) EXPECT_EQ(run(piece), run(n)) << piece;
}

TEST(SumOfSquares, IsExactForSmallIntegers) {
  Floats x;
  double expected = 0;
  for (int i = 0; i < 1003; ++i) {
    x.push_back(static_cast<float>(i % 50));
    expected += (i % 50) * (i % 50);
  }
  EXPECT_EQ(sum_of_squares(x), expected);
}

}  // namespace
}  // namespace stockpot
