#include "stockpot/diagnose/moments.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "stockpot/base/threads.h"
#include "stockpot/kernels/gemm.h"

namespace stockpot::diagnose {
namespace {

// Columns of the right matrix that one thread multiplies at a time: whole panels of the packed
// products on any processor.
constexpr std::int64_t kColumns = 48;
// Below this share of the total scatter, a within-class scatter is rounding.
constexpr double kRounding = 1e-12;

double between_scatter(const FeatureMoments& moments) {
  const MatrixXd means = moments.class_means();
  double sum = 0;
  for (Eigen::Index c = 0; c < means.rows(); ++c)
    sum += static_cast<double>(moments.class_counts()[static_cast<std::size_t>(c)]) *
           (means.row(c).transpose() - moments.mean()).squaredNorm();
  return sum;
}

}  // namespace

MatrixXd matrix_of(std::span<const float> values, std::int64_t columns) {
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<const RowMajor>(values.data(),
                                    static_cast<Eigen::Index>(values.size()) / columns, columns)
      .cast<double>();
}

namespace {

// sum += a^T b in columns begin..end-1 of a and the first `most` of b. Columns lie one after the
// other, so that a product by rows makes the transpose, b^T a.
void add_block(MatrixXd& sum, const MatrixXd& a, const MatrixXd& b, std::int64_t begin,
               std::int64_t end, std::int64_t most) {
  const std::int64_t n = a.rows(), columns = end - begin;
  std::vector<double> packed(static_cast<std::size_t>(n * packed_columns<double>(columns)));
  pack(n, columns, {a.data() + begin * n, 1, n}, packed.data());
  multiply(most, columns, n, {b.data(), n, 1}, packed.data(), sum.data() + begin, sum.rows(),
           {.accumulate = true});
}

}  // namespace

void add_product(MatrixXd& sum, const MatrixXd& a, const MatrixXd& b) {
  assert(a.rows() == b.rows() && sum.rows() == a.cols() && sum.cols() == b.cols());
  parallel_for(a.cols(), kColumns, [&](std::int64_t begin, std::int64_t end) {
    add_block(sum, a, b, begin, end, b.cols());
  });
}

void add_square(MatrixXd& sum, const MatrixXd& a) {
  assert(sum.rows() == a.cols() && sum.cols() == a.cols());
  parallel_for(a.cols(), kColumns, [&](std::int64_t begin, std::int64_t end) {
    add_block(sum, a, a, begin, end, end);
  });
}

VectorXd row_lengths(const MatrixXd& rows) { return rows.cwiseAbs2().rowwise().sum().cwiseSqrt(); }

MatrixXd symmetric(const MatrixXd& lower) { return lower.selfadjointView<Eigen::Lower>(); }

FeatureMoments::FeatureMoments(std::int64_t features, std::int64_t classes)
    : mean_(VectorXd::Zero(features)),
      scatter_(MatrixXd::Zero(features, features)),
      class_sums_(MatrixXd::Zero(classes, features)),
      class_counts_(static_cast<std::size_t>(classes)) {}

void FeatureMoments::add(const MatrixXd& rows, std::span<const std::int64_t> labels) {
  assert(rows.cols() == mean_.size() && static_cast<std::size_t>(rows.rows()) == labels.size());
  if (rows.rows() == 0) return;
  const VectorXd batch_mean = rows.colwise().mean();
  const MatrixXd centred = rows.rowwise() - batch_mean.transpose();
  add_square(scatter_, centred);
  const double before = static_cast<double>(count_), added = static_cast<double>(rows.rows());
  const VectorXd shift = batch_mean - mean_;
  scatter_.selfadjointView<Eigen::Lower>().rankUpdate(shift, before * added / (before + added));
  mean_ += added / (before + added) * shift;
  norms_ += row_lengths(rows).sum();
  for (const std::int64_t label : labels) ++class_counts_[static_cast<std::size_t>(label)];
  for (Eigen::Index j = 0; j < rows.cols(); ++j)
    for (Eigen::Index i = 0; i < rows.rows(); ++i)
      class_sums_(labels[static_cast<std::size_t>(i)], j) += rows(i, j);
  count_ += rows.rows();
}

double FeatureMoments::mean_norm() const { return norms_ / static_cast<double>(count_); }

double FeatureMoments::pair_distance() const {
  return std::sqrt(2 * total_scatter() / static_cast<double>(count_ - 1));
}

std::int64_t FeatureMoments::classes_seen() const {
  return std::count_if(class_counts_.begin(), class_counts_.end(),
                       [](std::int64_t rows) { return rows > 0; });
}

MatrixXd FeatureMoments::class_means() const {
  MatrixXd means = class_sums_;
  for (Eigen::Index c = 0; c < means.rows(); ++c)
    if (const auto rows = class_counts_[static_cast<std::size_t>(c)]; rows > 0)
      means.row(c) /= static_cast<double>(rows);
  return means;
}

bool has_separation(const FeatureMoments& moments) {
  if (moments.classes_seen() < 2) return false;
  const double total = moments.total_scatter();
  return total > 0 && total - between_scatter(moments) > kRounding * total;
}

Separation separation(const FeatureMoments& moments) {
  const double share = between_scatter(moments) / moments.total_scatter();
  return {.between = share, .within = 1 - share};
}

}  // namespace stockpot::diagnose
