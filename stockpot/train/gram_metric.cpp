#include "stockpot/train/gram_metric.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "stockpot/base/random.h"
#include "stockpot/kernels/gemm.h"

namespace stockpot {
namespace {

constexpr std::int64_t kDirections = 32, kSpare = 8;

// Gram-Schmidt, twice for each row; rows that depend on those before become 0.
void orthonormalise(std::int64_t count, std::int64_t n, float* rows) {
  for (std::int64_t i = 0; i < count; ++i) {
    float* row = rows + i * n;
    const double before = dot(n, row, row);
    for (int pass = 0; pass < 2; ++pass)
      for (std::int64_t j = 0; j < i; ++j)
        add_scaled(n, -dot(n, row, rows + j * n), rows + j * n, row);
    const double left = dot(n, row, row);
    const float scale =
        left > 1e-10 * before && left > 0 ? static_cast<float>(1 / std::sqrt(left)) : 0.0f;
    for (std::int64_t k = 0; k < n; ++k) row[k] *= scale;
  }
}

}  // namespace

GramMetric::GramMetric(FeatureRows& rows) : rows_(rows.rows()), features_(rows.features()) {
  const std::int64_t n = features_, width = std::min(n, kDirections + kSpare);
  std::vector<float> basis(static_cast<std::size_t>(width * n)), image(basis.size());
  RandomStream random(0, Purpose::subset);
  for (float& x : basis) x = static_cast<float>(random.normal());
  for (int iteration = 0;; ++iteration) {
    orthonormalise(width, n, basis.data());
    rows.gram(width, basis.data(), image.data());
    if (iteration == 2) break;
    basis.swap(image);
  }
  // Rayleigh and Ritz: the eigenvalues of A'A inside of the basis. By Eigen, which has no threads
  // here: LAPACK's bits may depend on their number.
  Eigen::MatrixXd small(width, width);
  for (std::int64_t i = 0; i < width; ++i)
    for (std::int64_t j = 0; j < width; ++j)
      small(i, j) = dot(n, basis.data() + std::min(i, j) * n, image.data() + std::max(i, j) * n);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> ritz(small);

  const std::int64_t kept = std::min(width, kDirections);
  const double largest = ritz.eigenvalues()[width - 1];
  double sum = 0;
  std::vector<float> directions;
  for (std::int64_t i = 0; i < kept; ++i) {
    const std::int64_t from = width - 1 - i;  // ascending
    const double value = ritz.eigenvalues()[from];
    if (!(value > 1e-6 * largest)) break;
    values_.push_back(value);
    sum += value;
    directions.resize(directions.size() + static_cast<std::size_t>(n), 0.0f);
    for (std::int64_t j = 0; j < width; ++j)
      add_scaled(n, ritz.eigenvectors()(j, from), basis.data() + j * n,
                 directions.data() + directions.size() - static_cast<std::size_t>(n));
  }
  const auto count = static_cast<std::int64_t>(values_.size());
  largest_rest_ = count > 0 ? values_.back() : 0;
  mean_rest_ = n > count ? std::clamp((rows.gram_trace() - sum) / static_cast<double>(n - count),
                                      1e-6 * largest_rest_, largest_rest_)
                         : largest_rest_;
  to_values_.reset(new float[static_cast<std::size_t>(n * packed_columns(count))]);
  from_values_.reset(new float[static_cast<std::size_t>(count * packed_columns(n))]);
  pack(n, count, {directions.data(), 1, n}, to_values_.get());
  pack(count, n, {directions.data(), n, 1}, from_values_.get());
}

std::vector<float> InverseMetric::weighted(const std::vector<float>& inside) const {
  std::vector<float> result(inside.size());
  for (std::size_t i = 0; i < inside.size(); ++i)
    result[i] = static_cast<float>(directions[i % directions.size()]) * inside[i];
  return result;
}

double InverseMetric::squared(std::int64_t n, std::int64_t weights, const float* x,
                              const std::vector<float>& inside) const {
  const std::vector<float> other = weighted(inside);
  return rest * dot(weights, x, x) + intercept * dot(n - weights, x + weights, x + weights) +
         dot(static_cast<std::int64_t>(inside.size()), inside.data(), other.data());
}

void InverseMetric::scale(double factor) {
  rest *= factor;
  for (double& value : directions) value *= factor;
  intercept *= factor;
}

InverseMetric GramMetric::inverse(double loss_scale, double ridge, Rest rest) const {
  InverseMetric result;
  result.rest = 1 / (loss_scale * (rest == Rest::largest ? largest_rest_ : mean_rest_) + ridge);
  for (const double value : values_)
    result.directions.push_back(1 / (loss_scale * value + ridge) - result.rest);
  result.intercept = 1 / (loss_scale * static_cast<double>(rows_));
  return result;
}

std::vector<float> GramMetric::project(std::int64_t classes, const float* x) const {
  const auto count = static_cast<std::int64_t>(values_.size());
  std::vector<float> inside(static_cast<std::size_t>(classes * count));
  if (count > 0)
    multiply(classes, count, features_, {x, features_, 1}, to_values_.get(), inside.data(), count);
  return inside;
}

void GramMetric::solve(const InverseMetric& inverse, std::int64_t classes,
                       const std::vector<float>& inside, float* x) const {
  const auto count = static_cast<std::int64_t>(values_.size());
  const std::int64_t n = features_;
  for (std::int64_t i = 0; i < classes * n; ++i) x[i] *= static_cast<float>(inverse.rest);
  if (count > 0)
    multiply(classes, n, count, {inverse.weighted(inside).data(), count, 1}, from_values_.get(), x,
             n, {.accumulate = true});
  for (std::int64_t j = 0; j < classes; ++j)
    x[classes * n + j] *= static_cast<float>(inverse.intercept);
}

double GramMetric::squared_norm(double loss_scale, double ridge, std::int64_t classes,
                                const Coefficients& x) const {
  const std::int64_t weights = classes * features_;
  const std::vector<float> copy(x.begin(), x.begin() + weights);
  const std::vector<float> inside = project(classes, copy.data());
  double sum = (loss_scale * mean_rest_ + ridge) * dot(weights, x.data(), x.data());
  for (std::size_t i = 0; i < inside.size(); ++i)
    sum += loss_scale * (values_[i % values_.size()] - mean_rest_) *
           static_cast<double>(inside[i]) * static_cast<double>(inside[i]);
  return sum + loss_scale * static_cast<double>(rows_) *
                   dot(classes, x.data() + weights, x.data() + weights);
}

}  // namespace stockpot
