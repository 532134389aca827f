// Means along one training run, from the checkpoints that it left, in their order.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "stockpot/base/loss_valley.h"

namespace stockpot {

// The weights of the exponential moving average a_1 = theta_1, a_i = decay a_(i-1) + (1 - decay)
// theta_i after the last of `count` checkpoints: decay^(count - 1), then (1 - decay) decay^(count -
// i). They add up to 1. Throws UsageError unless 0 <= decay < 1 and count > 0.
std::vector<double> ema_weights(std::size_t count, double decay);

// SWAD's window (base/loss_valley.h) of losses by checkpoint, from the first one. Nothing when it
// never starts: the loss falls until the end. Throws UsageError for patience 0, a tolerance that is
// not positive, and losses that are not finite.
std::optional<SwadWindow> swad_window(std::span<const double> losses,
                                      const SwadOptions& options = {});

}  // namespace stockpot
