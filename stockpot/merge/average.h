// The weighted mean of models, and the line between two.
#pragma once

#include <memory>

#include "stockpot/merge/method.h"

namespace stockpot {

// sum_i w_i theta_i / sum_i w_i in fp64. Equal weights: the sum, then one division, exact before
// the rounding (uniform soup, Wortsman et al. 2022). Other weights: theta_1 plus the weighted
// differences from it, so that the mean of copies is the copy. A model of weight 0 has no effect.
// Throws UsageError from fill() when the weights of a tensor sum to 0.
std::unique_ptr<MergeMethod> average_method();

// (1 - alpha) theta_1 + alpha theta_2 with alpha = job.scale, for the caller's models 1 and 2
// (WiSE-FT, Wortsman et al. 2021); 0 and 1 give the end points bit for bit.
std::unique_ptr<MergeMethod> interpolation_method();

}  // namespace stockpot
