#include "stockpot/train/feature_rows.h"

#include "stockpot/train/packed_rows.h"
#include "stockpot/train/tensor_rows.h"

namespace stockpot {

std::unique_ptr<FeatureRows> make_feature_rows(const at::Tensor& features,
                                               const Normalisation& normalisation,
                                               const at::Tensor& labels, std::int64_t classes,
                                               Precision precision) {
  if (features.is_cuda())
    return std::make_unique<TensorRows>(features, normalisation, labels, classes, precision);
  if (precision == Precision::float64)
    return std::make_unique<PackedRows<double>>(features, normalisation, labels, classes);
  return std::make_unique<PackedRows<float>>(features, normalisation, labels, classes);
}

}  // namespace stockpot
