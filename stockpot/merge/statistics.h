// BatchNorm's running statistics of several models as those of one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stockpot/checkpoint/tensor.h"

namespace stockpot {

// `sources` are the `models` views of one kind: their mean. Twice as many are the running means,
// then the running variances: the variance of the mixture by the law of total variance,
// mean(var_i) + mean((mu_i - mean(mu))^2). `shares` of the models add up to 1; without any all
// have the same. A share may be negative (a point outside of the models): a variance is then held
// at 0. The only model with a share gives its statistics bit for bit. Fills the elements from
// `first` on; the same numbers for any order of the models.
void total_variance(std::span<const TensorView* const> sources, std::size_t models,
                    std::span<const double> shares, std::int64_t first, std::span<double> out);

// Weights divided by their sum; equal shares of the models with a weight when that is 0.
std::vector<double> shares_of(std::span<const double> weights);

}  // namespace stockpot
