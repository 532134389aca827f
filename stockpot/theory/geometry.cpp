#include "stockpot/theory/geometry.h"

#include <Eigen/SVD>
#include <algorithm>
#include <cmath>

#include "stockpot/theory/problem.h"
#include "stockpot/theory/span.h"

namespace stockpot::theory {
namespace {

double smallest_singular_value(const MatrixXd& matrix) {
  return Eigen::JacobiSVD<MatrixXd>(matrix).singularValues().minCoeff();
}

}  // namespace

ProblemGeometry measure(const Problem& problem) {
  return measure(problem, span_of(problem.inputs));
}

ProblemGeometry measure(const Problem& problem, const InputSpan& span) {
  const MatrixXd& features = problem.features;
  const Eigen::JacobiSVD<MatrixXd> procrustes(features * problem.true_features.transpose(),
                                              Eigen::ComputeFullU | Eigen::ComputeFullV);
  const MatrixXd rotation = procrustes.matrixU() * procrustes.matrixV().transpose();
  const MatrixXd& basis = span.basis;
  const MatrixXd on_span = features * basis;

  ProblemGeometry geometry;
  geometry.eps = Eigen::JacobiSVD<MatrixXd>(features - rotation * problem.true_features)
                     .singularValues()
                     .maxCoeff();
  geometry.cos_span = on_span.cols() < on_span.rows() ? 0 : smallest_singular_value(on_span);
  geometry.cos_off_span = smallest_singular_value(features - on_span * basis.transpose());
  const VectorXd true_head = rotation * problem.true_head;
  const double overlap = problem.head.dot(true_head), size = true_head.squaredNorm();
  geometry.phi_squared = std::abs(overlap * overlap - size * size);
  const double weights = problem.weights().norm();
  const double misaligned =
      std::min(std::sqrt(geometry.phi_squared), geometry.phi_squared / weights);
  geometry.bound = geometry.cos_off_span / std::sqrt(static_cast<double>(features.rows())) *
                       misaligned / ((1 + weights) * (1 + weights)) -
                   geometry.eps;
  return geometry;
}

}  // namespace stockpot::theory
