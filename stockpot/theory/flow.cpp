#include "stockpot/theory/flow.h"

#include <Eigen/LU>
#include <algorithm>
#include <array>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"

namespace stockpot::theory {
namespace {

// The coefficients of RODAS in the form without products of the Jacobian and a vector.
constexpr int kStages = 6;
constexpr double kGamma = 0.25;
constexpr std::array<std::array<double, 4>, 5> kPlace = {{
    {},
    {1.544},
    {0.9466785280815826, 0.2557011698983284},
    {3.314825187068521, 2.896124015972201, 0.9986419139977817},
    {1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950},
}};
constexpr std::array<std::array<double, 5>, kStages> kMix = {{
    {},
    {-5.6688},
    {-2.430093356833875, -0.2063599157091915},
    {-0.1073529058151375, -9.594562251023355, -20.47028614809616},
    {7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160},
    {8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136,
     -6.058818238834054},
}};

struct Step {
  State end;
  double error = 0;  // 1: as large as the tolerances allow
};

Step rosenbrock_step(const SpanProblem& problem, const State& state, double size,
                     const FlowOptions& options) {
  const ImplicitStep implicit(problem, state, 2 * size * kGamma);
  std::array<State, kStages> stages;
  State place;
  for (std::size_t i = 0; i < kStages; ++i) {
    if (i == kStages - 1) {
      place += stages[i - 1];  // stiffly accurate: the embedded solution
    } else {
      place = state;
      for (std::size_t j = 0; j < i; ++j) place += kPlace[i][j] * stages[j];
    }
    State right = size * descent_direction(problem, place);
    for (std::size_t j = 0; j < i; ++j) right += kMix[i][j] * stages[j];
    stages[i] = implicit.solve(kGamma * right);
  }
  Step step;
  step.end = place + stages.back();
  const Eigen::ArrayXXd magnitude = state.array().abs().max(step.end.array().abs());
  step.error = std::sqrt((stages.back().array() /
                          (options.absolute_tolerance + options.relative_tolerance * magnitude))
                             .square()
                             .mean());
  return step;
}

bool at_saddle(const SpanProblem& problem, const State& state, double loss,
               const FlowOptions& options) {
  const double flattest = 4 * problem.curvature.minCoeff() * loss;
  return descent_direction(problem, state).squaredNorm() <=
         options.stationary * options.stationary * flattest;
}

double first_step(const SpanProblem& problem, const State& state) {
  return 1e-3 / (2 * problem.curvature(0) * (1 + state.squaredNorm()));
}

}  // namespace

State descent_direction(const SpanProblem& problem, const State& state) {
  const auto head = state.col(0);
  const auto features = state.rightCols(state.cols() - 1);
  const VectorXd gap = problem.curvature.cwiseProduct(features.transpose() * head - problem.target);
  State direction(state.rows(), state.cols());
  direction.col(0).noalias() = -2 * (features * gap);
  direction.rightCols(state.cols() - 1).noalias() = -2 * head * gap.transpose();
  return direction;
}

// With a = curvature, u = G^T v, g = a (u - target), b_j the columns of G and r the right side, a
// change (dv, dG) obeys
//   du_j = b_j . dv + v . db_j,   db_j = r_j - c (g_j dv + a_j du_j v),
// so du_j = ((b_j - c g_j v) . dv + v . r_j) / (1 + c a_j |v|^2), and the equation of v,
//   dv + c sum_j (g_j db_j + a_j du_j b_j) = r_v,
// closes over dv alone: a k x k system, however many columns there are.
ImplicitStep::ImplicitStep(const SpanProblem& problem, const State& state, double c)
    : head_(state.col(0)), curvature_(problem.curvature), c_(c) {
  const auto features = state.rightCols(state.cols() - 1);
  gap_ = curvature_.cwiseProduct(features.transpose() * head_ - problem.target);
  shrink_ = (1 + c * head_.squaredNorm() * curvature_.array()).inverse();
  coupling_ = features - c * head_ * gap_.transpose();
  MatrixXd system =
      c * coupling_ * curvature_.cwiseProduct(shrink_).asDiagonal() * coupling_.transpose();
  system.diagonal().array() += 1 - c * c * gap_.squaredNorm();
  inverse_ = system.partialPivLu().inverse();
}

State ImplicitStep::solve(const State& right) const {
  const auto features = right.rightCols(right.cols() - 1);
  const VectorXd along = features.transpose() * head_;
  State solution(right.rows(), right.cols());
  const VectorXd head =
      inverse_ * (right.col(0) - c_ * features * gap_ -
                  c_ * coupling_ * curvature_.cwiseProduct(shrink_).cwiseProduct(along));
  const VectorXd prediction = shrink_.cwiseProduct(coupling_.transpose() * head + along);
  solution.col(0) = head;
  solution.rightCols(right.cols() - 1) =
      features - c_ * head * gap_.transpose() -
      c_ * head_ * curvature_.cwiseProduct(prediction).transpose();
  return solution;
}

FlowResult gradient_flow(const SpanProblem& problem, const State& start,
                         std::span<const double> times, const FlowOptions& options) {
  const double label_size = problem.curvature.dot(problem.target.cwiseAbs2());
  FlowResult result;
  result.end = start;
  result.how = FlowEnd::out_of_steps;
  Losses now = losses(problem, start);
  result.lowest_ood = now.ood;
  std::size_t next = 0;
  double size = first_step(problem, start);
  for (int tries = 0; tries < 2 * options.most_steps && result.steps < options.most_steps;
       ++tries) {
    if (stop_requested()) throw Interrupted("stopped during a gradient flow");
    if (now.training <= options.stop_at * label_size) {
      result.how = FlowEnd::converged;
      break;
    }
    if (at_saddle(problem, result.end, now.training, options)) {
      result.how = FlowEnd::stationary;
      break;
    }
    const bool to_mark = next < times.size() && result.time + size >= times[next];
    const double taken = to_mark ? times[next] - result.time : size;
    const Step step = rosenbrock_step(problem, result.end, taken, options);
    const double factor = std::clamp(0.9 * std::pow(step.error, -0.25), 0.2, 6.0);
    if (!(step.error <= 1)) {
      size = taken * (std::isfinite(step.error) ? factor : 0.2);
      continue;
    }
    result.end = step.end;
    result.time = to_mark ? times[next] : result.time + taken;
    ++result.steps;
    now = losses(problem, result.end);
    result.lowest_ood = std::min(result.lowest_ood, now.ood);
    if (to_mark) result.path.push_back({times[next++], now});
    size = to_mark ? std::max(size, taken * factor) : taken * factor;
  }
  for (; next < times.size(); ++next) result.path.push_back({times[next], now});
  return result;
}

}  // namespace stockpot::theory
