#include "stockpot/base/loss_valley.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {

SwadRule::SwadRule(const SwadOptions& options) : options_(options) {
  if (options.start_patience == 0 || options.end_patience == 0)
    throw UsageError("SWAD's patience must be 1 or more");
  if (!(options.tolerance > 0 && std::isfinite(options.tolerance)))
    throw UsageError("SWAD's tolerance must be above 0, found " + shortest(options.tolerance));
}

void SwadRule::add(double loss) {
  if (!std::isfinite(loss)) throw UsageError("SWAD needs losses that are finite numbers");
  if (ended()) return;
  losses_.push_back(loss);
  if (window_)
    go_on();
  else
    start();
}

void SwadRule::start() {
  const std::size_t patience = options_.start_patience;
  if (losses_.size() < patience) return;
  const auto recent = std::span(losses_).last(patience);
  if (recent.front() != *std::ranges::min_element(recent)) return;
  const double mean =
      std::accumulate(recent.begin(), recent.end(), 0.0) / static_cast<double>(patience);
  window_ = SwadWindow{losses_.size() - patience, losses_.size() - 1, options_.tolerance * mean,
                       /*ended=*/false};
  for (const double loss : recent.subspan(1)) above_ = loss > window_->threshold ? above_ + 1 : 0;
}

void SwadRule::go_on() {
  window_->last = losses_.size() - 1;
  above_ = losses_.back() > window_->threshold ? above_ + 1 : 0;
  if (above_ < options_.end_patience) return;
  window_->last -= options_.end_patience;
  window_->ended = true;
}

std::size_t SwadRule::undecided() const {
  if (ended()) return 0;
  if (window_) return std::min(above_, options_.end_patience - 1);
  return std::min(losses_.size(), options_.start_patience - 1);
}

}  // namespace stockpot
