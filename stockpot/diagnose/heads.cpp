#include "stockpot/diagnose/heads.h"

#include <cassert>
#include <limits>

#include "stockpot/diagnose/subspace.h"

namespace stockpot::diagnose {
namespace {

double cosine(const VectorXd& a, const VectorXd& b) {
  const double lengths = a.norm() * b.norm();
  return lengths > 0 ? a.dot(b) / lengths : 0;
}

}  // namespace

std::vector<bool> head_is_right(const Head& head, const MatrixXd& rows,
                                std::span<const std::int64_t> labels) {
  const MatrixXd logits = (rows * head.weight.transpose()).rowwise() + head.bias.transpose();
  std::vector<bool> right(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    Eigen::Index best = 0;
    logits.row(static_cast<Eigen::Index>(i)).maxCoeff(&best);
    right[i] = best == labels[i];
  }
  return right;
}

NearestMean::NearestMean(const FeatureMoments& moments)
    : means_(moments.class_means()),
      squares_(means_.rowwise().squaredNorm()),
      counts_(moments.class_counts()) {}

Counts NearestMean::judge(const MatrixXd& rows, std::span<const std::int64_t> labels,
                          bool leave_out) const {
  const MatrixXd products = rows * means_.transpose();
  const VectorXd norms = rows.rowwise().squaredNorm();
  Counts counts;
  for (Eigen::Index i = 0; i < rows.rows(); ++i) {
    const std::int64_t label = labels[static_cast<std::size_t>(i)];
    double nearest = std::numeric_limits<double>::infinity();
    std::int64_t chosen = -1;
    for (Eigen::Index c = 0; c < means_.rows(); ++c) {
      const auto seen = counts_[static_cast<std::size_t>(c)];
      const bool own = leave_out && c == label;
      if (seen < (own ? 2 : 1)) continue;
      double square = squares_[c] - 2 * products(i, c) + norms[i];
      if (own) {
        const double away = static_cast<double>(seen) / static_cast<double>(seen - 1);
        square *= away * away;
      }
      if (square >= nearest) continue;
      nearest = square;
      chosen = c;
    }
    counts.right += chosen == label;
    ++counts.total;
  }
  return counts;
}

std::optional<HeadChange> head_change(const Head& before, const Head& after) {
  assert(before.weight.rows() == after.weight.rows());
  assert(before.weight.cols() == after.weight.cols());
  if (before.weight.norm() == 0 || after.weight.norm() == 0) return std::nullopt;
  HeadChange change;
  change.cosine = cosine(before.weight.reshaped(), after.weight.reshaped());
  for (Eigen::Index c = 0; c < before.weight.rows(); ++c)
    change.class_cosines.push_back(cosine(before.weight.row(c), after.weight.row(c)));
  change.relative_change = (after.weight - before.weight).norm() / before.weight.norm();
  const Angles angles = principal_angles(row_basis(before.weight), row_basis(after.weight));
  change.largest_degrees = angles.largest_degrees();
  change.mean_cosine = angles.mean_cosine();
  return change;
}

}  // namespace stockpot::diagnose
