#include "stockpot/diagnose/subspace.h"

#include <Eigen/Eigenvalues>
#include <Eigen/SVD>
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numbers>

namespace stockpot::diagnose {

Span principal_span(const MatrixXd& scatter, const SpanRule& rule) {
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(scatter);
  const VectorXd variance = eigen.eigenvalues().reverse().cwiseMax(0);
  const double total = variance.sum();
  assert(total > 0);
  const double rounding =
      variance[0] * std::numeric_limits<double>::epsilon() * static_cast<double>(variance.size());
  const Eigen::Index most = (variance.array() > rounding).count();
  Eigen::Index rank = 0;
  double held = 0;
  const auto wanted = [&] {
    return rule.rank ? rank < *rule.rank : held < rule.share * total * (1 - 1e-12);
  };
  while (rank < most && wanted()) held += variance[rank++];
  return {eigen.eigenvectors().rightCols(rank).rowwise().reverse(), held / total};
}

MatrixXd row_basis(const MatrixXd& matrix) {
  const Eigen::BDCSVD<MatrixXd> svd(matrix.transpose(), Eigen::ComputeThinU);
  const VectorXd& scales = svd.singularValues();
  const double least = scales[0] * std::numeric_limits<float>::epsilon() *
                       static_cast<double>(std::max(matrix.rows(), matrix.cols()));
  return svd.matrixU().leftCols((scales.array() > least).count());
}

double Angles::largest_degrees() const {
  return radians[radians.size() - 1] * 180 / std::numbers::pi;
}

Angles principal_angles(const MatrixXd& first, const MatrixXd& second) {
  const bool swap = first.cols() < second.cols();
  const MatrixXd &wide = swap ? second : first, &narrow = swap ? first : second;
  const MatrixXd overlap = wide.transpose() * narrow;  // r x s, r >= s
  const VectorXd cosines = Eigen::BDCSVD<MatrixXd>(overlap).singularValues();
  const VectorXd sines =
      Eigen::BDCSVD<MatrixXd>(narrow - wide * overlap).singularValues().reverse();
  Angles angles{VectorXd(cosines.size())};
  for (Eigen::Index i = 0; i < cosines.size(); ++i)
    angles.radians[i] =
        cosines[i] * cosines[i] < 0.5 ? std::acos(cosines[i]) : std::asin(std::min(1.0, sines[i]));
  return angles;
}

double share_inside(const MatrixXd& moment, const MatrixXd& basis) {
  const double total = moment.trace();
  if (total <= 0) return 0;
  return (basis.transpose() * moment).cwiseProduct(basis.transpose()).sum() / total;
}

double linear_cka(const MatrixXd& scatter_x, const MatrixXd& scatter_y, const MatrixXd& cross) {
  return cross.squaredNorm() / (scatter_x.norm() * scatter_y.norm());
}

}  // namespace stockpot::diagnose
