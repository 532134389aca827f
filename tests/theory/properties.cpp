// The invariants and theorems, over random problems of random sizes.
#include <gtest/gtest.h>

#include <cmath>

#include "stockpot/base/random.h"
#include "stockpot/theory/descent.h"
#include "stockpot/theory/flow.h"
#include "stockpot/theory/geometry.h"

namespace stockpot::theory {
namespace {

// The i-th of a fixed list of random settings.
ProblemOptions setting(std::uint64_t i) {
  RandomStream stream(2022, Purpose::test, 0, i);
  ProblemOptions options;
  options.features = stream.between(1, 5);
  options.subspace = stream.between(options.features + 1, 20);
  options.dimension = options.subspace + options.features + stream.between(1, 20);
  if (options.dimension < 4) options.dimension = 4;
  if (stream.chance(0.3)) options.examples = 2 * options.subspace + stream.between(0, 20);
  options.eps = stream.chance(0.2) ? 0 : stream.uniform(0, 0.5);
  if (stream.chance(0.5)) options.phi = stream.uniform();
  options.sigma = stream.uniform(0.1, 2);
  options.seed = i;
  return options;
}

MatrixXd balance(const State& state) {
  const auto features = state.rightCols(state.cols() - 1);
  return state.col(0) * state.col(0).transpose() - features * features.transpose();
}

TEST(Invariants, I1_FeaturesNeverMoveOffTheTrainingSpan) {
  for (std::uint64_t i = 0; i < 30; ++i) {
    const Problem problem = draw_problem(setting(i));
    const DescentResult descent = gradient_descent(problem, problem.head, {.most_steps = 5000});
    EXPECT_LT(descent.off_span, 1e-12) << i;
    EXPECT_GT((descent.features - problem.features).norm(), descent.off_span) << i;
  }
}

TEST(Invariants, I2_BalancednessIsConservedByTheFlow) {
  for (std::uint64_t i = 0; i < 60; ++i) {
    const SpanProblem problem = in_span(draw_problem(setting(i)));
    const State start = start_from(problem, problem.head);
    const FlowResult flow = gradient_flow(problem, start);
    EXPECT_LT((balance(flow.end) - balance(start)).cwiseAbs().maxCoeff(), 1e-7) << i;
  }
}

TEST(Invariants, I2_DriftOfDescentIsLinearInTheStep) {
  double coarse = 0, fine = 0;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const Problem problem = draw_problem({.phi = {}, .seed = seed});
    coarse = std::max(coarse, gradient_descent(problem, problem.head, {.step = 0.01}).imbalance);
    fine = std::max(fine, gradient_descent(problem, problem.head, {.step = 0.002}).imbalance);
  }
  EXPECT_NEAR(coarse / fine, 5, 0.5);
}

TEST(Theorems, T31_BoundIsNeverViolatedAtAnyTime) {
  int says_something = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const Problem problem = draw_problem(setting(i));
    const SpanProblem reduced = in_span(problem);
    const FlowResult flow = gradient_flow(reduced, start_from(reduced, problem.head));
    ASSERT_EQ(flow.how, FlowEnd::converged) << i;
    const double bound = measure(problem).bound;
    EXPECT_GE(std::sqrt(flow.lowest_ood), bound - 1e-12) << i;
    says_something += bound > 0;
  }
  EXPECT_GT(says_something, 10);
}

TEST(Theorems, T32_ProbeOverFineTuningVanishesAsEpsSquared) {
  double last = INFINITY;
  for (const double eps : {0.1, 0.01, 0.001}) {
    double ratio = 0;
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      const SpanProblem problem = in_span(draw_problem({.eps = eps, .phi = {}, .seed = seed}));
      const Losses lp = losses(problem, start_from(problem, probe_head(problem)));
      // For every t: the lowest of FT's errors is the hardest case.
      ratio += lp.ood / gradient_flow(problem, start_from(problem, problem.head)).lowest_ood / 5;
    }
    EXPECT_LT(ratio, 0.015 * last);
    last = ratio;
  }
}

TEST(Theorems, P31_FineTuningBeatsTheProbeInDistribution) {
  for (std::uint64_t i = 0; i < 60; ++i) {
    if (setting(i).eps < 1e-3) continue;
    const SpanProblem problem = in_span(draw_problem(setting(i)));
    const Losses lp = losses(problem, start_from(problem, probe_head(problem)));
    const FlowResult ft = gradient_flow(problem, start_from(problem, problem.head));
    EXPECT_LT(losses(problem, ft.end).id, lp.id) << i;
  }
}

TEST(Theorems, P32_WithPerfectFeaturesOnlyTheAlignedHeadIsExactForAllTimes) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Problem problem = draw_problem({.eps = 0, .phi = {}, .seed = seed});
    const ProblemGeometry geometry = measure(problem);
    EXPECT_GT(geometry.cos_span, 0);
    EXPECT_GT(geometry.cos_off_span, 0);
    const SpanProblem reduced = in_span(problem);
    const FlowResult lpft = gradient_flow(reduced, start_from(reduced, probe_head(reduced)));
    EXPECT_LT(losses(reduced, lpft.end).ood, 1e-25);
    const FlowResult ft = gradient_flow(reduced, start_from(reduced, problem.head));
    EXPECT_GT(ft.lowest_ood, 1e-3);
  }
}

TEST(Theorems, AnotherFrameOfTheTruthChangesNoNumber) {
  Problem problem = draw_problem({.phi = 0.7, .seed = 3});
  const ProblemGeometry before = measure(problem);
  // (v*, B*) and (U v*, U B*) are the same truth.
  MatrixXd rotation = MatrixXd::Identity(4, 4);
  const double a = 0.8;
  rotation.topLeftCorner(2, 2) << std::cos(a), -std::sin(a), std::sin(a), std::cos(a);
  rotation.row(3) *= -1;
  problem.true_features = rotation * problem.true_features;
  problem.true_head = rotation * problem.true_head;
  const ProblemGeometry after = measure(problem);
  EXPECT_NEAR(after.eps, before.eps, 1e-12);
  EXPECT_NEAR(after.phi_squared, before.phi_squared, 1e-12);
  EXPECT_NEAR(after.bound, before.bound, 1e-12);
  EXPECT_NEAR(before.phi_squared, 0.49, 1e-12);
}

}  // namespace
}  // namespace stockpot::theory
