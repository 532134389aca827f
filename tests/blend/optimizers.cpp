#include "stockpot/blend/optimizers.h"

#include <gtest/gtest.h>

#include <cmath>

#include "stockpot/blend/ensemble_problem.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot {
namespace {

Objective rosenbrock(std::span<const double> x) {
  const double a = 1 - x[0], b = x[1] - x[0] * x[0];
  return {a * a + 100 * b * b, {-2 * a - 400 * x[0] * b, 200 * b}};
}

TEST(Lbfgs, FindsTheMinimumOfRosenbrocksValley) {
  Lbfgs solver({-1.2, 1});
  for (int i = 0; i < 100 && solver.iterate(rosenbrock); ++i) {
  }
  EXPECT_NEAR(solver.parameters()[0], 1, 1e-6);
  EXPECT_NEAR(solver.parameters()[1], 1, 1e-6);
}

TEST(Lbfgs, GoesOnFromASavedStateWithTheSameBits) {
  Lbfgs whole({-1.2, 1});
  for (int i = 0; i < 20; ++i) whole.iterate(rosenbrock);
  for (int stop = 0; stop < 20; ++stop) {
    Lbfgs first({-1.2, 1}), second({0, 0});
    for (int i = 0; i < stop; ++i) first.iterate(rosenbrock);
    second.restore(Json::parse(first.state().dump(), "state"));
    for (int i = stop; i < 20; ++i) second.iterate(rosenbrock);
    EXPECT_EQ(second.parameters(), whole.parameters()) << stop;
  }
}

// The first steps of torch.optim.AdamW(lr=.05, weight_decay=0) on x^2 from 1.
TEST(FewAdam, StepsAsTorch) {
  FewAdam adam(1);
  std::vector<double> x = {1};
  const std::vector<double> wanted = {0.95000000025, 0.9000832433105463, 0.8503116964060569};
  for (const double value : wanted) {
    adam.step(std::vector<double>{2 * x[0]}, 0.05, x);
    EXPECT_NEAR(x[0], value, 1e-12);
  }
}

// Three models that see the label with more and more noise.
std::vector<Predictions> noisy_models() {
  std::vector<Predictions> models(3);
  for (std::size_t m = 0; m < 3; ++m) {
    models[m].classes = 4;
    for (std::int64_t row = 0; row < 600; ++row) {
      const std::int64_t label = row * 7 % 4;
      models[m].labels.push_back(label);
      for (std::int64_t c = 0; c < 4; ++c) {
        const double noise =
            std::sin(static_cast<double>(row * 4 + c) * (1.7 + 3 * static_cast<double>(m)));
        models[m].logits.push_back(
            static_cast<float>((c == label ? 1.5 : 0) + (1 + static_cast<double>(m)) * noise));
      }
    }
  }
  return models;
}

TEST(EnsembleProblem, FindsTheBestMixtureOfLogits) {
  const std::vector<Predictions> models = noisy_models();
  for (const Form form : {Form::softmax, Form::free}) {
    const EnsembleSolution solution = solve_ensemble(models, form, true);
    EXPECT_LT(solution.loss, solution.uniform);
    EXPECT_GT(solution.alpha[0], solution.alpha[1]);
    EXPECT_GT(solution.alpha[1], solution.alpha[2]);
    // No small change of a coefficient is better.
    const auto loss_at = [&](const std::vector<double>& alpha) {
      Predictions mixed = models[0];
      for (std::size_t i = 0; i < mixed.logits.size(); ++i) {
        double z = 0;
        for (std::size_t m = 0; m < 3; ++m)
          z += alpha[m] * static_cast<double>(models[m].logits[i]);
        mixed.logits[i] = static_cast<float>(solution.beta * z);
      }
      return negative_log_likelihood(mixed);
    };
    EXPECT_NEAR(loss_at(solution.alpha), solution.loss, 1e-6);
    if (form == Form::softmax) continue;
    for (std::size_t m = 0; m < 3; ++m)
      for (const double step : {-0.02, 0.02}) {
        std::vector<double> alpha = solution.alpha;
        alpha[m] += step;
        EXPECT_GT(loss_at(alpha), solution.loss - 1e-7);
      }
  }
}

}  // namespace
}  // namespace stockpot
