#include "stockpot/kernels/cross_entropy.h"

#include <cmath>

#include "stockpot/base/isa.h"
#include "stockpot/kernels/lanes.h"

namespace stockpot {

STOCKPOT_PER_ISA
void cross_entropy(std::int64_t rows, std::int64_t classes, const float* logits,
                   const std::int64_t* labels, float smoothing, float weight, float* loss,
                   float* gradient) {
  const float even = smoothing / static_cast<float>(classes);
  for (std::int64_t row = 0; row < rows; ++row, logits += classes) {
    const float largest = row_max(classes, logits);
    float sum = 0;
    for (std::int64_t j = 0; j < classes; ++j) sum += fast_exp(logits[j] - largest);
    const float log_sum = std::log(sum);
    // sum_j target_j (log_sum - x_j), the targets adding up to 1.
    const float correct = logits[labels[row]] - largest;
    loss[row] = log_sum - (1 - smoothing) * correct -
                even * (row_sum(classes, logits) - static_cast<float>(classes) * largest);
    if (!gradient) continue;
    const float scale = weight / sum;
    STOCKPOT_INDEPENDENT
    for (std::int64_t j = 0; j < classes; ++j)
      gradient[j] = fast_exp(logits[j] - largest) * scale - even * weight;
    gradient[labels[row]] -= (1 - smoothing) * weight;
    gradient += classes;
  }
}

}  // namespace stockpot
