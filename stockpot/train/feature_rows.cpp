#include "stockpot/train/feature_rows.h"

#include "stockpot/train/packed_rows.h"
#include "stockpot/train/tensor_rows.h"

namespace stockpot {

std::unique_ptr<FeatureRows> make_feature_rows(const at::Tensor& features,
                                               const Normalisation& normalisation,
                                               const at::Tensor& labels, std::int64_t classes,
                                               Precision precision) {
  if (features.is_cpu() && precision == Precision::float32)
    return std::make_unique<PackedRows>(features.to(at::kFloat).contiguous(), normalisation,
                                        labels.contiguous(), classes);
  return std::make_unique<TensorRows>(features, normalisation, labels, classes, precision);
}

}  // namespace stockpot
