#include "stockpot/train/feature_statistics.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

#include "stockpot/base/error.h"

namespace stockpot {
namespace {

[[noreturn]] void refuse_row_column(const std::string& name, const at::Tensor& features) {
  const at::Tensor bad = features.isfinite().logical_not();
  const std::int64_t row = bad.any(1).to(at::kInt).argmax().item<std::int64_t>();
  const std::int64_t column = bad[row].to(at::kInt).argmax().item<std::int64_t>();
  const double value = features[row][column].item<double>();
  throw RunError("the features of the " + name + " set hold " +
                 (std::isnan(value) ? "NaN"
                  : value > 0       ? "infinity"
                                    : "-infinity") +
                 " in row " + std::to_string(row) + ", column " + std::to_string(column) + " (" +
                 std::to_string(bad.any(1).sum().item<std::int64_t>()) + " of " +
                 std::to_string(features.size(0)) +
                 " rows are not finite): look for a broken image or an overflow in the model");
}

}  // namespace

FeatureStatistics feature_statistics(const std::string& name, const at::Tensor& features) {
  const std::int64_t n = features.size(0), d = features.size(1);
  // Distances from the first row: exact zeros for a column of one value.
  const at::Tensor first = features[0].to(at::kDouble);
  at::Tensor sum = at::zeros_like(first), squares = at::zeros_like(first);
  // Few rows at a time, so that the float64 copies stay in the cache.
  const std::int64_t step = std::max<std::int64_t>(
      1, (std::int64_t{1} << (features.is_cpu() ? 18 : 24)) / std::max<std::int64_t>(d, 1));
  for (std::int64_t begin = 0; begin < n; begin += step) {
    const at::Tensor some =
        features.slice(0, begin, std::min(n, begin + step)).to(at::kDouble).sub_(first);
    sum.add_(some.sum(0));
    squares.add_(some.square().sum(0));
  }
  const double count = static_cast<double>(n);
  const at::Tensor shift = sum / count;
  const at::Tensor mean = (first + shift).to(at::kCPU).contiguous();
  const at::Tensor variance =
      (squares / count - shift.square()).clamp_min(0).to(at::kCPU).contiguous();
  FeatureStatistics result;
  result.mean.assign(mean.data_ptr<double>(), mean.data_ptr<double>() + d);
  result.variance.assign(variance.data_ptr<double>(), variance.data_ptr<double>() + d);
  for (std::int64_t j = 0; j < d; ++j) {
    const auto i = static_cast<std::size_t>(j);
    if (!std::isfinite(result.mean[i]) || !std::isfinite(result.variance[i]))
      refuse_row_column(name, features);
    result.global_mean += result.mean[i] / static_cast<double>(d);
  }
  for (std::size_t i = 0; i < result.mean.size(); ++i)
    result.global_variance +=
        (result.variance[i] + std::pow(result.mean[i] - result.global_mean, 2)) /
        static_cast<double>(d);
  return result;
}

}  // namespace stockpot
