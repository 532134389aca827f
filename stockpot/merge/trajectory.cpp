#include "stockpot/merge/trajectory.h"

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {

std::vector<double> ema_weights(std::size_t count, double decay) {
  if (count == 0) throw UsageError("a moving average needs a checkpoint");
  if (!(decay >= 0 && decay < 1))
    throw UsageError("the decay of a moving average must be at least 0 and below 1, found " +
                     shortest(decay));
  std::vector<double> weights(count);
  double power = 1;
  for (std::size_t i = count - 1; i > 0; --i) {
    weights[i] = (1 - decay) * power;
    power *= decay;
  }
  weights[0] = power;
  return weights;
}

std::optional<SwadWindow> swad_window(std::span<const double> losses, const SwadOptions& options) {
  SwadRule rule(options);
  for (const double loss : losses) rule.add(loss);
  return rule.window();
}

}  // namespace stockpot
