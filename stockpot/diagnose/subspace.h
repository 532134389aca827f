// Subspaces that features span, and the angles between them.
#pragma once

#include <Eigen/Core>
#include <optional>

namespace stockpot::diagnose {

using Eigen::MatrixXd;
using Eigen::VectorXd;

// How many directions a span keeps: the fewest that hold this share of the variance, or `rank` of
// them (at most as many as have variance).
struct SpanRule {
  double share = 0.95;               // in (0, 1]
  std::optional<Eigen::Index> rank;  // >= 1
};

// The span of the largest principal directions.
struct Span {
  MatrixXd basis;    // d x r, orthonormal columns, largest variance first
  double share = 0;  // of the variance that the basis holds
  Eigen::Index rank() const { return basis.cols(); }
};

// scatter: d x d, symmetric, positive semidefinite, not zero.
Span principal_span(const MatrixXd& scatter, const SpanRule& rule);
// The span of a matrix's rows: every direction whose singular value is not rounding.
MatrixXd row_basis(const MatrixXd& matrix);

// Principal angles (Jordan 1875; computed as Bjorck and Golub 1973 do, from cosines where they are
// large angles and from sines where they are small, so that equal spans are 0 to rounding).
struct Angles {
  VectorXd radians;  // min(r, s), smallest first
  double mean_cosine() const { return radians.array().cos().mean(); }
  double smallest_cosine() const { return std::cos(radians[radians.size() - 1]); }
  double largest_degrees() const;
};
// Orthonormal columns, d x r and d x s, r and s >= 1.
Angles principal_angles(const MatrixXd& first, const MatrixXd& second);

// tr(P M) / tr(M), the share of a second moment M that lies in the span of the basis; 0 for M = 0.
double share_inside(const MatrixXd& moment, const MatrixXd& basis);

// Linear CKA of two sets of features of the same rows (Kornblith, Norouzi, Lee, Hinton 2019):
// ||X^T Y||_F^2 / (||X^T X||_F ||Y^T Y||_F) of centred X and Y; 1 when they are equal up to a
// rotation and a scale. Biased towards 1 when rows are few against the dimension.
double linear_cka(const MatrixXd& scatter_x, const MatrixXd& scatter_y, const MatrixXd& cross);

}  // namespace stockpot::diagnose
