#include "stockpot/train/present_classes.h"

#include <ATen/ops/bincount.h>
#include <ATen/ops/zeros.h>

namespace stockpot {

PresentClasses::PresentClasses(const at::Tensor& labels, std::int64_t classes)
    : position(static_cast<std::size_t>(classes), -1) {
  const at::Tensor counts = at::bincount(labels, {}, classes);
  for (std::int64_t j = 0; j < classes; ++j) {
    const auto rows = counts.data_ptr<std::int64_t>()[j];
    if (rows == 0) continue;
    position[static_cast<std::size_t>(j)] = count();
    names.push_back(j);
    shares.push_back(static_cast<double>(rows) / static_cast<double>(labels.size(0)));
  }
}

at::Tensor PresentClasses::translate(const at::Tensor& labels) const {
  at::Tensor result = labels.clone();
  auto* label = result.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < result.size(0); ++i)
    if (label[i] >= 0) label[i] = position[static_cast<std::size_t>(label[i])];
  return result;
}

RawClassifier fold_back(const Coefficients& coefficients, const Normalisation& normalisation,
                        const PresentClasses& present) {
  const auto d = static_cast<std::int64_t>(normalisation.mean.size());
  RawClassifier raw{at::zeros({present.all(), d}, at::kFloat),
                    at::zeros({present.all()}, at::kFloat)};
  for (std::int64_t k = 0; k < present.count(); ++k) {
    const std::int64_t row = present.names[static_cast<std::size_t>(k)];
    const double* weights = coefficients.data() + k * d;
    float* out = raw.weight.data_ptr<float>() + row * d;
    double bias = coefficients[static_cast<std::size_t>(present.count() * d + k)];
    for (std::int64_t j = 0; j < d; ++j) {
      const double weight = weights[j] * normalisation.scale[static_cast<std::size_t>(j)];
      out[j] = static_cast<float>(weight);
      bias -= weight * normalisation.mean[static_cast<std::size_t>(j)];
    }
    raw.bias.data_ptr<float>()[row] = static_cast<float>(bias);
  }
  return raw;
}

}  // namespace stockpot
