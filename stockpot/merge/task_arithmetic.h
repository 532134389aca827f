// Task arithmetic (Ilharco et al. 2023, "Editing Models with Task Arithmetic").
#pragma once

#include <memory>

#include "stockpot/merge/method.h"

namespace stockpot {

struct TaskArithmeticOptions {
  double lambda = 1;
  bool normalize = false;  // divide by the sum of the weights, unless that is zero
};

// theta_0 + lambda * sum_i w_i (theta_i - theta_0): a sum, not a mean, so that k models need a
// lambda of about 1/k. Negation is a negative lambda or weight, the analogy "a is to b as c is
// to ?" weights of -1, 1, 1. lambda 1/k with weights 1 gives the uniform mean.
std::unique_ptr<MergeMethod> task_arithmetic(const TaskArithmeticOptions& options);

}  // namespace stockpot
