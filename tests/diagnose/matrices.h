// Random matrices and streams of them.
#pragma once

#include <Eigen/Core>
#include <vector>

#include "stockpot/base/random.h"
#include "stockpot/diagnose/distortion.h"

namespace stockpot::diagnose {

inline MatrixXd random_matrix(Eigen::Index rows, Eigen::Index columns, std::uint64_t seed) {
  RandomStream draws(seed, Purpose::test);
  MatrixXd matrix(rows, columns);
  for (double& value : matrix.reshaped()) value = draws.normal();
  return matrix;
}

inline std::vector<std::int64_t> random_labels(Eigen::Index rows, std::int64_t classes,
                                               std::uint64_t seed) {
  RandomStream draws(seed, Purpose::test, 1);
  std::vector<std::int64_t> labels;
  for (Eigen::Index i = 0; i < rows; ++i) labels.push_back(draws.between(0, classes - 1));
  return labels;
}

// Row-major float32, as models make features.
inline std::vector<float> as_floats(const MatrixXd& matrix) {
  std::vector<float> values;
  for (Eigen::Index i = 0; i < matrix.rows(); ++i)
    for (Eigen::Index j = 0; j < matrix.cols(); ++j)
      values.push_back(static_cast<float>(matrix(i, j)));
  return values;
}

// The rows of several models given to a study in batches.
template <typename Take>
void in_batches(const std::vector<MatrixXd>& models, const std::vector<std::int64_t>& labels,
                Eigen::Index batch, const Take& take) {
  const auto n = static_cast<Eigen::Index>(labels.size());
  for (Eigen::Index first = 0; first < n; first += batch) {
    const Eigen::Index rows = std::min(batch, n - first);
    std::vector<std::vector<float>> kept;
    PairedFeatures out;
    for (const MatrixXd& model : models) kept.push_back(as_floats(model.middleRows(first, rows)));
    for (const std::vector<float>& values : kept) out.features.emplace_back(values);
    out.labels =
        std::span(labels).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(rows));
    take(out);
  }
}

}  // namespace stockpot::diagnose
