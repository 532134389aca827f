// One step of an optimizer over a flat range of parameters, in one pass. Ranges are
// independent: results do not depend on how a buffer is split.
#pragma once

#include <cstdint>
#include <span>

namespace stockpot {

// AdamW with decoupled weight decay (Loshchilov & Hutter 2019), in PyTorch's order:
// w *= 1 - rate * decay; then the Adam step with bias corrections.
struct AdamW {
  double learning_rate = 0, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0;
  std::int64_t step = 1;      // 1-based: corrects the zero start of both averages
  double gradient_scale = 1;  // factor of every gradient: clipping

  // All four are equally long; mean and square are the running averages.
  void update(std::span<float> values, std::span<const float> gradients, std::span<float> mean,
              std::span<float> square) const;
};

// SGD with momentum: g = gradient * scale + weight_decay * w; momentum buffer b = momentum * b
// + g; w -= rate * b, as PyTorch (whose first step sets b = g: the same from a zero buffer).
struct MomentumSgd {
  double learning_rate = 0, momentum = 0.9, weight_decay = 0;
  double gradient_scale = 1;

  void update(std::span<float> values, std::span<const float> gradients,
              std::span<float> buffer) const;
};

// The sum of squares, in double; the same for any machine.
double sum_of_squares(std::span<const float> values);

}  // namespace stockpot
