// The generator, and requests that make no sense.
#include "stockpot/theory/problem.h"

#include <gtest/gtest.h>

#include <Eigen/SVD>
#include <cmath>
#include <limits>

#include "stockpot/base/error.h"
#include "stockpot/theory/geometry.h"
#include "stockpot/theory/span.h"

namespace stockpot::theory {
namespace {

double largest_singular_value(const MatrixXd& matrix) {
  return Eigen::JacobiSVD<MatrixXd>(matrix).singularValues().maxCoeff();
}

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Problem, HasTheEpsAndPhiThatWereAskedFor) {
  for (const double eps : {0.0, 1e-3, 0.1, 0.7, 1.2, std::sqrt(2.0)})
    for (const double phi : {0.0, 0.3, 1.0}) {
      const Problem problem = draw_problem({.eps = eps, .phi = phi, .seed = 5});
      const MatrixXd gram = problem.features * problem.features.transpose();
      EXPECT_LT((gram - MatrixXd::Identity(4, 4)).norm(), 1e-13);
      EXPECT_NEAR(largest_singular_value(problem.features - problem.true_features), eps, 1e-13);
      // At sqrt(2) every rotation is as good as any other.
      if (eps < 1.3) {
        EXPECT_NEAR(measure(problem).eps, eps, 1e-13);
        EXPECT_NEAR(measure(problem).phi_squared, phi * phi, 1e-12);
      }
      EXPECT_NEAR(problem.head.norm(), 1, 1e-13);
    }
}

TEST(Problem, InputsSpanTheSubspaceAskedFor) {
  EXPECT_EQ(span_of(draw_problem({.phi = {}}).inputs).scales.size(), 30);
  const Problem problem = draw_problem({.subspace = 20, .examples = 200, .phi = {}});
  EXPECT_EQ(problem.inputs.rows(), 200);
  EXPECT_EQ(problem.inputs.cols(), 60);
  EXPECT_EQ(span_of(problem.inputs).scales.size(), 20);
}

TEST(Problem, WithOneFeatureStillHasItsPhi) {
  const Problem problem = draw_problem({.features = 1, .eps = 0, .phi = 0.6});
  EXPECT_NEAR(measure(problem).phi_squared, 0.36, 1e-12);
}

TEST(Problem, DrawsAreSharedBetweenLevelsAndNotBetweenSeeds) {
  const Problem a = draw_problem({.eps = 0.1, .phi = {}, .seed = 1}),
                b = draw_problem({.eps = 0.7, .phi = {}, .seed = 1}),
                c = draw_problem({.eps = 0.1, .phi = {}, .seed = 2});
  EXPECT_EQ(a.inputs, b.inputs);
  EXPECT_EQ(a.head, b.head);
  EXPECT_EQ(a.true_features, b.true_features);
  EXPECT_NE(a.inputs, c.inputs);
  EXPECT_NE(a.head, c.head);
}

TEST(Problem, SpanCoordinatesKeepEveryLoss) {
  const Problem problem = draw_problem({.phi = {}, .seed = 9});
  const SpanProblem reduced = in_span(problem);
  const Losses found = losses(reduced, start_from(reduced, problem.head));
  const VectorXd error = problem.weights() - problem.features.transpose() * problem.head;
  EXPECT_NEAR(found.ood, error.squaredNorm(), 1e-12);
  EXPECT_NEAR(found.training, (problem.inputs * error).squaredNorm(), 1e-10);
}

void expect_refused(const ProblemOptions& options, const std::string& flag) {
  try {
    check(options);
    ADD_FAILURE() << flag << " was accepted";
  } catch (const UsageError& error) {
    EXPECT_EQ(std::string(error.what()).rfind(flag + " is ", 0), 0U) << error.what();
  }
}

TEST(BadSettings, AreRefusedNamingTheFlag) {
  expect_refused({.features = 0, .phi = {}}, "--features");
  expect_refused({.features = 70, .phi = {}}, "--features");
  expect_refused({.features = 30, .phi = {}}, "--features");
  expect_refused({.features = 15, .subspace = 50, .phi = {}}, "--features");
  expect_refused({.subspace = 60, .phi = {}}, "--subspace");
  expect_refused({.subspace = 70, .phi = {}}, "--subspace");
  expect_refused({.dimension = 0, .phi = {}}, "--dim");
  expect_refused({.dimension = -5, .phi = {}}, "--dim");
  expect_refused({.dimension = 1'000'000'000'000, .phi = {}}, "--dim");
  expect_refused({.examples = 29, .phi = {}}, "--examples");
  expect_refused({.examples = -1, .phi = {}}, "--examples");
  expect_refused({.examples = std::numeric_limits<std::int64_t>::max(), .phi = {}}, "--examples");
  for (const double bad : {-0.1, 1.5, kNaN, std::numeric_limits<double>::infinity()}) {
    expect_refused({.eps = bad, .phi = {}}, "--eps");
    expect_refused({.phi = bad}, "--phi");
  }
  for (const double bad : {-1.0, 1e4, kNaN}) expect_refused({.phi = {}, .sigma = bad}, "--sigma");
}

}  // namespace
}  // namespace stockpot::theory
