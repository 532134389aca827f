// The learning rate as a function of the step.
#pragma once

#include <cstdint>

#include "stockpot/train/fit_options.h"

namespace stockpot {

// Of a step, 0-based, of `steps` (the same number in every epoch): linear warm-up, then the
// schedule. Cosine and linear fall to 0 over what warm-up leaves; the steps of Schedule::step
// are counted from the start of training.
double learning_rate_at(const FitOptions& options, std::int64_t step, std::int64_t steps);

}  // namespace stockpot
