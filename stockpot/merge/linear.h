// The plain linear combination of models.
#pragma once

#include <memory>

#include "stockpot/merge/method.h"

namespace stockpot {

// job.scale * sum_i w_i theta_i in fp64, rounded once: the weights are coefficients, which may be
// negative and add up to anything (the average_method() of average.h divides by their sum). One
// coefficient of 1 among zeros gives that model bit for bit.
std::unique_ptr<MergeMethod> linear_method();

}  // namespace stockpot
