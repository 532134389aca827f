// The integrator itself.
#include "stockpot/theory/flow.h"

#include <gtest/gtest.h>

#include <Eigen/LU>
#include <cmath>

#include "stockpot/theory/descent.h"
#include "stockpot/theory/toy.h"

namespace stockpot::theory {
namespace {

SpanProblem drawn(std::uint64_t seed, double eps = 0.1) {
  return in_span(draw_problem(
      {.dimension = 20, .features = 3, .subspace = 8, .eps = eps, .phi = {}, .seed = seed}));
}

TEST(Flow, ImplicitStepSolvesWithTheExactJacobian) {
  const SpanProblem problem = drawn(1);
  const State state = start_from(problem, problem.head);
  const Eigen::Index size = state.size();
  // The direction is a polynomial of degree 3, so central differences of fourth order are exact.
  MatrixXd jacobian(size, size);
  for (Eigen::Index i = 0; i < size; ++i) {
    const auto moved = [&](double by) {
      State other = state;
      other.data()[i] += by;
      return descent_direction(problem, other);
    };
    const State slope = (8 * (moved(0.5) - moved(-0.5)) - (moved(1) - moved(-1))) / 6.0;
    jacobian.col(i) = Eigen::Map<const VectorXd>(slope.data(), size);
  }
  for (const double c : {1e-3, 0.05, 2.0}) {
    const State right = State::Ones(state.rows(), state.cols()) + state;
    const State found = ImplicitStep(problem, state, c).solve(right);
    const VectorXd wanted = (MatrixXd::Identity(size, size) - c / 2 * jacobian)
                                .partialPivLu()
                                .solve(Eigen::Map<const VectorXd>(right.data(), size));
    EXPECT_LT((Eigen::Map<const VectorXd>(found.data(), size) - wanted).norm(),
              1e-9 * wanted.norm())
        << c;
  }
}

TEST(Flow, ErrorFallsWithTheTolerance) {
  const SpanProblem problem = drawn(2);
  const State start = start_from(problem, problem.head);
  const auto end = [&](double tolerance) {
    return gradient_flow(problem, start, {},
                         {.relative_tolerance = tolerance, .absolute_tolerance = tolerance / 100});
  };
  const FlowResult exact = end(1e-13);
  double last = INFINITY;
  for (const double tolerance : {1e-4, 1e-6, 1e-8, 1e-10}) {
    const FlowResult found = end(tolerance);
    const double error = (found.end - exact.end).norm();
    EXPECT_LT(error, 100 * tolerance) << tolerance;
    EXPECT_LT(error, last) << tolerance;
    last = error;
  }
  // Order 4: a hundredth of the tolerance costs about three times the steps.
  EXPECT_LT(end(1e-10).steps, 5 * end(1e-8).steps);
}

TEST(Flow, SmallStepsOfDescentConvergeToItLinearly) {
  const Problem problem =
      draw_problem({.dimension = 20, .features = 3, .subspace = 8, .phi = {}, .seed = 3});
  const SpanProblem reduced = in_span(problem);
  const double flow =
      losses(reduced, gradient_flow(reduced, start_from(reduced, problem.head)).end).ood;
  double last = 0;
  for (const double step : {0.02, 0.01, 0.005}) {
    const DescentResult descent = gradient_descent(problem, problem.head, {.step = step});
    ASSERT_TRUE(descent.converged) << step;
    const double gap = std::abs(descent.losses.ood - flow);
    if (last > 0) {
      EXPECT_NEAR(last / gap, 2, 0.3) << step;
    }
    last = gap;
  }
  EXPECT_LT(last, 0.01 * flow);
}

TEST(Flow, StiffInputsCostLittle) {
  // As many examples as directions: the smallest singular value of X is near 0.
  const Problem problem = draw_problem(
      {.dimension = 60, .features = 4, .subspace = 24, .examples = 24, .phi = {}, .seed = 4});
  const SpanProblem reduced = in_span(problem);
  const double stiffness = reduced.curvature.maxCoeff() / reduced.curvature.minCoeff();
  EXPECT_GT(stiffness, 1e3);
  const FlowResult flow = gradient_flow(reduced, start_from(reduced, problem.head));
  EXPECT_EQ(flow.how, FlowEnd::converged);
  EXPECT_LT(flow.steps, 5000);
  EXPECT_LT(losses(reduced, flow.end).id, 1e-15);
}

TEST(Flow, LossNeverRisesAlongTime) {
  const SpanProblem problem = drawn(5);
  std::vector<double> times;
  for (int i = 0; i < 200; ++i) times.push_back(0.002 * i);
  const FlowResult flow = gradient_flow(problem, start_from(problem, problem.head), times);
  ASSERT_EQ(flow.path.size(), times.size());
  for (std::size_t i = 1; i < times.size(); ++i)
    EXPECT_LE(flow.path[i].losses.training, flow.path[i - 1].losses.training + 1e-12);
  EXPECT_EQ(flow.path.front().losses.ood, losses(problem, start_from(problem, problem.head)).ood);
}

TEST(Flow, AskingForTimesChangesNothing) {
  const SpanProblem problem = drawn(6);
  const State start = start_from(problem, problem.head);
  const double few[] = {0.01, 0.1};
  const FlowResult plain = gradient_flow(problem, start),
                   marked = gradient_flow(problem, start, few);
  EXPECT_LT((plain.end - marked.end).norm(), 1e-8);
}

TEST(Flow, SaddleIsNamedAndNotWaitedFor) {
  // v0 = -b1 exactly: v and b1 shrink alike to the saddle at 0.
  Problem problem = toy_problem(0);
  problem.head(0) = -problem.features(0, 0);
  const SpanProblem reduced = in_span(problem);
  const FlowResult flow = gradient_flow(reduced, start_from(reduced, problem.head));
  EXPECT_EQ(flow.how, FlowEnd::stationary);
  EXPECT_LT(flow.end.norm(), 1e-6);
}

TEST(Flow, ProbeFlowEndsAtTheProbeAndStartsAtTheHead) {
  const SpanProblem problem = drawn(7);
  EXPECT_LT((probe_flow(problem, problem.head, 0) - problem.head).norm(), 1e-13);
  EXPECT_LT((probe_flow(problem, problem.head, 1e3) - probe_head(problem)).norm(), 1e-12);
  // Its slope at 0 is -2 B0 X^T (X B0^T v - Y).
  const double h = 1e-7;
  const VectorXd slope = (probe_flow(problem, problem.head, h) - problem.head) / h;
  const State direction = descent_direction(problem, start_from(problem, problem.head));
  EXPECT_LT((slope - direction.col(0)).norm(), 1e-3 * slope.norm());
}

}  // namespace
}  // namespace stockpot::theory
