#include <algorithm>
#include <cmath>
#include <numbers>

#include "stockpot/train/fit.h"

namespace stockpot {

double learning_rate_at(const FitOptions& options, std::int64_t step, std::int64_t steps) {
  const double total = static_cast<double>(steps), now = static_cast<double>(step);
  const double warmup = std::ceil(options.warmup * total);
  if (now < warmup) return options.learning_rate * now / warmup;
  const double progress = std::min(1.0, (now - warmup) / std::max(1.0, total - warmup));
  switch (options.schedule) {
    case Schedule::cosine:
      return options.learning_rate * 0.5 * (1 + std::cos(std::numbers::pi * progress));
    case Schedule::linear:
      return options.learning_rate * (1 - progress);
    case Schedule::constant:
      break;
  }
  return options.learning_rate;
}

}  // namespace stockpot
