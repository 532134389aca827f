#include "stockpot/merge/trajectory.h"

#include <algorithm>
#include <cmath>
#include <numeric>

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
  const std::size_t start = options.start_patience, end = options.end_patience;
  if (start == 0 || end == 0) throw UsageError("SWAD's patience must be 1 or more");
  if (!(options.tolerance > 0 && std::isfinite(options.tolerance)))
    throw UsageError("SWAD's tolerance must be above 0, found " + shortest(options.tolerance));
  for (const double loss : losses)
    if (!std::isfinite(loss)) throw UsageError("SWAD needs losses that are finite numbers");
  std::optional<SwadWindow> window;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    if (!window) {
      if (i + 1 < start) continue;
      const auto recent = losses.subspan(i + 1 - start, start);
      if (recent.front() != *std::ranges::min_element(recent)) continue;
      const double mean =
          std::accumulate(recent.begin(), recent.end(), 0.0) / static_cast<double>(start);
      window = SwadWindow{i + 1 - start, losses.size() - 1, options.tolerance * mean, false};
      continue;
    }
    // At least one checkpoint stays in: the losses above the threshold come behind the first.
    if (i < window->first + end) continue;
    const auto recent = losses.subspan(i + 1 - end, end);
    if (*std::ranges::min_element(recent) <= window->threshold) continue;
    window->last = i - end;
    window->ended = true;
    break;
  }
  return window;
}

}  // namespace stockpot
