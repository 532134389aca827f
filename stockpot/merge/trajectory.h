// Means along one training run, from the checkpoints that it left, in their order.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace stockpot {

// The weights of the exponential moving average a_1 = theta_1, a_i = decay a_(i-1) + (1 - decay)
// theta_i after the last of `count` checkpoints: decay^(count - 1), then (1 - decay) decay^(count -
// i). They add up to 1. Throws UsageError unless 0 <= decay < 1 and count > 0.
std::vector<double> ema_weights(std::size_t count, double decay);

// SWAD (Cha et al. 2021, Algorithm 1): where validation losses say that a valley begins and ends.
struct SwadOptions {
  std::size_t start_patience = 3;  // N_s: the first of so many losses is their minimum
  std::size_t end_patience = 6;    // N_e: so many losses in a row above the threshold
  double tolerance = 1.3;          // r: the threshold is r times the mean of the first N_s losses
};
struct SwadWindow {
  std::size_t first = 0, last = 0;  // indices, both in
  double threshold = 0;
  bool ended = false;  // the loss rose above the threshold; else the window reaches to the end
};
// Losses by checkpoint, from the first one. With N_s losses of which the first is the smallest the
// window starts at that one; from then on, when the last N_e losses lie above the threshold, it
// ends before them. Nothing when it never starts: the loss falls until the end. Throws UsageError
// for patience 0, a tolerance that is not positive, and losses that are not finite.
std::optional<SwadWindow> swad_window(std::span<const double> losses,
                                      const SwadOptions& options = {});

}  // namespace stockpot
