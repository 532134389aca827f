// What the probe wants to know about a matrix of features before it fits anything.
#pragma once

#include <string>

#include "stockpot/train/feature_rows.h"

namespace stockpot {

struct FeatureStatistics {
  std::vector<double> mean, variance;           // of each column, over the rows (ddof 0)
  double global_mean = 0, global_variance = 0;  // of all numbers of the matrix
};

// features: n x d of a floating-point type, n >= 1, on any device. In float64 throughout.
// Throws RunError naming the set, the row and the column of a number that is not finite.
FeatureStatistics feature_statistics(const std::string& name, const at::Tensor& features);

}  // namespace stockpot
