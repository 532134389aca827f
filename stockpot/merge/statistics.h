// BatchNorm's running statistics of several models as those of one.
#pragma once

#include <cstdint>
#include <span>

#include "stockpot/checkpoint/tensor.h"

namespace stockpot {

// `sources` are the `models` views of one kind: their mean. Twice as many are the running means,
// then the running variances: the variance of the mixture by the law of total variance,
// mean(var_i) + mean((mu_i - mean(mu))^2). Fills the elements from `first` on.
void total_variance(std::span<const TensorView* const> sources, std::size_t models,
                    std::int64_t first, std::span<double> out);

}  // namespace stockpot
