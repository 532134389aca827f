#include "stockpot/blend/coefficients.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace stockpot {
namespace {

const std::vector<std::string> kNames = {"fc.bias", "layer.10.weight", "layer.9.weight",
                                         "layer.9.bias", "stem.conv.weight"};

TEST(Rows, AreTheModelItsBlocksOrItsTensors) {
  EXPECT_EQ(rows_of(kNames, Rows::global).names, std::vector<std::string>{""});
  const RowsOfTensors blocks = rows_of(kNames, Rows::block);
  EXPECT_EQ(blocks.names, (std::vector<std::string>{"fc", "layer.9", "layer.10", "stem.conv"}));
  EXPECT_EQ(blocks.row, (std::vector<std::size_t>{0, 2, 1, 1, 3}));
  EXPECT_EQ(rows_of(kNames, Rows::tensor).names.size(), kNames.size());
}

TEST(Coefficients, StartUniformAndStayOnTheSimplex) {
  Coefficients coefficients(Form::softmax, 2, 4, true);
  for (const double value : coefficients.alpha()) EXPECT_DOUBLE_EQ(value, 0.25);
  EXPECT_EQ(coefficients.beta(), 1);
  coefficients.set_parameters({1, 2, 3, 800, -1, 0, 0, 0, 2});
  const std::vector<double> alpha = coefficients.alpha();
  EXPECT_NEAR(std::accumulate(alpha.begin(), alpha.begin() + 4, 0.0), 1, 1e-15);
  EXPECT_NEAR(alpha[3], 1, 1e-15);
  EXPECT_EQ(coefficients.beta(), 2);
}

TEST(Coefficients, AStartKeepsEveryModelReachable) {
  Coefficients coefficients(Form::softmax, 1, 4, false);
  coefficients.start_from(std::vector<double>{0.5, 0.5, 0, 0}, 1.5);
  const std::vector<double> alpha = coefficients.alpha();
  EXPECT_NEAR(alpha[0], 0.4975, 1e-12);
  EXPECT_NEAR(alpha[2], 0.0025, 1e-12);
  EXPECT_EQ(coefficients.beta(), 1.5);
  Coefficients free(Form::free, 1, 4, false);
  free.start_from(std::vector<double>{0.5, 0.5, 0, 0}, 1);
  EXPECT_EQ(free.alpha(), (std::vector<double>{0.5, 0.5, 0, 0}));
}

// f(alpha) = sum_i c_i alpha_i^2 by rows.
TEST(Coefficients, PullBackIsTheSlopeAlongTheRawNumbers) {
  for (const Form form : {Form::softmax, Form::free}) {
    Coefficients coefficients(form, 2, 3, true);
    const std::vector<double> start = {0.1, -0.4, 0.9, 1.2, 0, -0.7, 1.1};
    const auto value = [&](const std::vector<double>& parameters) {
      coefficients.set_parameters(parameters);
      const std::vector<double> alpha = coefficients.alpha();
      double sum = std::exp(coefficients.beta());
      for (std::size_t i = 0; i < alpha.size(); ++i)
        sum += static_cast<double>(i + 1) * alpha[i] * alpha[i];
      return sum;
    };
    value(start);
    std::vector<double> outer = coefficients.alpha();
    for (std::size_t i = 0; i < outer.size(); ++i) outer[i] *= 2 * static_cast<double>(i + 1);
    const std::vector<double> gradient = coefficients.pull_back(outer, std::exp(1.1));
    for (std::size_t i = 0; i < start.size(); ++i) {
      std::vector<double> up = start, down = start;
      up[i] += 1e-6;
      down[i] -= 1e-6;
      EXPECT_NEAR((value(up) - value(down)) / 2e-6, gradient[i], 1e-8) << i;
    }
  }
}

TEST(Coefficients, EffectiveModelsCountsEqualOnes) {
  EXPECT_NEAR(effective_models(std::vector<double>(5, 0.2)), 5, 1e-12);
  EXPECT_NEAR(effective_models(std::vector<double>{0, -3, 0}), 1, 1e-12);
  const std::vector<std::int64_t> elements = {1, 3};
  EXPECT_EQ(mean_row(std::vector<double>{1, 0, 0, 1}, 2, elements),
            (std::vector<double>{0.25, 0.75}));
}

}  // namespace
}  // namespace stockpot
