#include "stockpot/theory/span.h"

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <Eigen/SVD>
#include <algorithm>
#include <limits>

namespace stockpot::theory {

InputSpan span_of(const MatrixXd& inputs) {
  const Eigen::BDCSVD<MatrixXd> svd(inputs.transpose(), Eigen::ComputeThinU);
  const VectorXd& scales = svd.singularValues();
  const double least = scales(0) * std::numeric_limits<double>::epsilon() *
                       static_cast<double>(std::max(inputs.rows(), inputs.cols()));
  const Eigen::Index rank = (scales.array() > least).count();
  return {svd.matrixU().leftCols(rank), scales.head(rank)};
}

SpanProblem in_span(const Problem& problem) { return in_span(problem, span_of(problem.inputs)); }

SpanProblem in_span(const Problem& problem, const InputSpan& span) {
  const VectorXd weights = problem.weights();
  SpanProblem reduced;
  reduced.curvature = span.scales.array().square();
  reduced.target = span.basis.transpose() * weights;
  reduced.features = problem.features * span.basis;
  reduced.off_span = problem.features - reduced.features * span.basis.transpose();
  reduced.off_target = weights - span.basis * reduced.target;
  reduced.head = problem.head;
  return reduced;
}

Losses losses(const SpanProblem& problem, const State& state) {
  const auto head = state.col(0);
  const VectorXd error = state.rightCols(state.cols() - 1).transpose() * head - problem.target;
  Losses result;
  result.id = error.squaredNorm();
  result.ood = result.id + (problem.off_span.transpose() * head - problem.off_target).squaredNorm();
  result.training = problem.curvature.dot(error.cwiseAbs2());
  return result;
}

State start_from(const SpanProblem& problem, const VectorXd& head) {
  State state(problem.features.rows(), problem.features.cols() + 1);
  state << head, problem.features;
  return state;
}

VectorXd probe_head(const SpanProblem& problem) {
  const VectorXd scales = problem.curvature.cwiseSqrt();
  const MatrixXd design = scales.asDiagonal() * problem.features.transpose();
  return design.completeOrthogonalDecomposition().solve(scales.cwiseProduct(problem.target));
}

VectorXd probe_flow(const SpanProblem& problem, const VectorXd& start, double time) {
  const MatrixXd& features = problem.features;
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(features * problem.curvature.asDiagonal() *
                                                      features.transpose());
  const VectorXd end = probe_head(problem);
  const VectorXd decay = (-2 * time * eigen.eigenvalues().array()).exp();
  return end + eigen.eigenvectors() *
                   (decay.asDiagonal() * (eigen.eigenvectors().transpose() * (start - end)));
}

}  // namespace stockpot::theory
