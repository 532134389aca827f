// How each parameter is trained: its share of the learning rate, its weight decay and the epoch
// from which on it moves.
#pragma once

#include <limits>

#include "stockpot/train/fit_options.h"

namespace stockpot {

inline constexpr int kNever = std::numeric_limits<int>::max();

struct ParameterRule {
  double rate = 1;  // factor of the learning rate
  double weight_decay = 0;
  int first_epoch = 1;  // 1-based; kNever: it is frozen

  bool operator==(const ParameterRule&) const = default;
};

// `blocks` is Classifier::blocks().
ParameterRule rule_of(const Parameter& parameter, int blocks, const FitOptions& options);

// Throws UsageError when options.freezing asks for what the model does not have.
void check_freezing(const Classifier& model, const FitOptions& options);

}  // namespace stockpot
