#include "stockpot/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace stockpot {
namespace {

// torch's MultiStepLR and StepLR, which count epochs; a milestone is the step nearest to it.
double steps_down(const FitOptions& options, std::int64_t step, std::int64_t steps) {
  std::int64_t passed = std::count_if(
      options.milestones.begin(), options.milestones.end(),
      [&](double share) { return step >= std::llround(share * static_cast<double>(steps)); });
  if (options.step_epochs > 0) passed += step * options.epochs / steps / options.step_epochs;
  return std::pow(options.gamma, static_cast<double>(passed));
}

}  // namespace

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
    case Schedule::step:
      return options.learning_rate * steps_down(options, step, steps);
    case Schedule::constant:
      break;
  }
  return options.learning_rate;
}

}  // namespace stockpot
