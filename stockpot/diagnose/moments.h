// Streaming second moments of features: memory is d x d however many rows there are. Sums are
// centred batch by batch (Chan, Golub, LeVeque 1979), in double precision, so that a large mean
// costs no digits. A batch's split over threads is fixed: results do not depend on their number.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <vector>

namespace stockpot::diagnose {

using Eigen::MatrixXd;
using Eigen::VectorXd;

// Rows of `columns` numbers, one after the other.
MatrixXd matrix_of(std::span<const float> values, std::int64_t columns);

// sum += a^T b for n x p and n x q matrices, on all threads.
void add_product(MatrixXd& sum, const MatrixXd& a, const MatrixXd& b);
// sum += a^T a for an n x p matrix, in the lower triangle only and for little more than half of the
// work; what lies above the diagonal is left without meaning.
void add_square(MatrixXd& sum, const MatrixXd& a);
// ||x|| of every row x. (Eigen's rowwise().norm() takes one number at a time.)
VectorXd row_lengths(const MatrixXd& rows);
// A symmetric matrix by its lower triangle.
MatrixXd symmetric(const MatrixXd& lower);

// The features of one model on one set.
class FeatureMoments {
 public:
  FeatureMoments(std::int64_t features, std::int64_t classes);

  // rows: n x d, finite; labels: n class indices.
  void add(const MatrixXd& rows, std::span<const std::int64_t> labels);

  std::int64_t count() const { return count_; }
  const VectorXd& mean() const { return mean_; }
  // Sum over the rows of (x - mean)(x - mean)^T, d x d.
  MatrixXd scatter() const { return symmetric(scatter_); }
  double total_scatter() const { return scatter_.trace(); }  // of squared distances to the mean
  double mean_norm() const;                                  // of ||x||
  // Root of the mean squared distance of two different rows: sqrt(2 tr(scatter) / (n - 1)).
  double pair_distance() const;

  const std::vector<std::int64_t>& class_counts() const { return class_counts_; }
  std::int64_t classes_seen() const;
  MatrixXd class_means() const;  // classes x d; zero for a class without rows

 private:
  std::int64_t count_ = 0;
  double norms_ = 0;
  VectorXd mean_;
  MatrixXd scatter_;  // lower triangle
  MatrixXd class_sums_;
  std::vector<std::int64_t> class_counts_;
};

// How classes lie apart in a space of features: the scatter between class means against that
// around them, tr(S_between) / tr(S_within) (Fisher's ratio of traces). Nothing with fewer than two
// classes, or when no row differs from its class's mean.
struct Separation {
  double between = 0, within = 0;  // shares of the total scatter; they sum to 1
  double ratio() const { return between / within; }
};
bool has_separation(const FeatureMoments& moments);
Separation separation(const FeatureMoments& moments);  // has_separation() holds

}  // namespace stockpot::diagnose
