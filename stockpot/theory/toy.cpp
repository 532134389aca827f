#include "stockpot/theory/toy.h"

#include <cmath>
#include <numbers>

#include "stockpot/theory/descent.h"
#include "stockpot/theory/flow.h"

namespace stockpot::theory {
namespace {

const double kCosine = std::cos(kToyAngle * std::numbers::pi / 180);
const double kSine = std::sin(kToyAngle * std::numbers::pi / 180);

double ood_of(double head) { return kSine * kSine * (head - 1) * (head - 1); }

}  // namespace

Problem toy_problem(double head) {
  Problem problem;
  problem.true_features = MatrixXd{{kCosine, kSine}};
  problem.true_head = VectorXd::Ones(1);
  problem.features = problem.true_features;
  problem.inputs = MatrixXd{{1.0, 0.0}};
  problem.head = VectorXd::Constant(1, head);
  return problem;
}

ToyPoint toy_limit(double head) {
  const double c = head * head - kCosine * kCosine;
  const double root = std::hypot(c, 2 * kCosine);
  // For c < 0 the sum would cancel: its product with (root - c) / 2 is cos^2 a.
  const double square = c >= 0 ? (c + root) / 2 : 2 * kCosine * kCosine / (root - c);
  if (head == -kCosine) return {0, 0, ood_of(0)};
  const double v = std::copysign(std::sqrt(square), head + kCosine);
  return {v, kCosine / v, ood_of(v)};
}

std::vector<ToyRow> toy_rows(const std::vector<double>& starts) {
  std::vector<ToyRow> rows;
  for (const double start : starts) {
    const Problem problem = toy_problem(start);
    const SpanProblem reduced = in_span(problem);
    const FlowResult flow = gradient_flow(reduced, start_from(reduced, problem.head));
    const DescentResult descent =
        gradient_descent(problem, problem.head, {.step = kToyStep, .look_every = 1000});
    // The basis of a one-dimensional span is (1, 0) or (-1, 0).
    const double feature = flow.end(0, 1) * (reduced.target(0) < 0 ? -1 : 1);
    rows.push_back({.start = start,
                    .exact = toy_limit(start),
                    .by_flow = {flow.end(0, 0), feature, losses(reduced, flow.end).ood},
                    .by_descent = {descent.head(0), descent.features(0, 0), descent.losses.ood}});
  }
  return rows;
}

}  // namespace stockpot::theory
