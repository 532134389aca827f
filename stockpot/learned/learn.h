// Learns the coefficients of a soup on held-out pictures: argmin over alpha and beta of the mean
// cross-entropy of beta f(x; sum_i alpha_i theta_i) (Wortsman et al. 2022; the optimizer's settings
// are those of learned_bylayer.py of mlfoundations/model-soups).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/base/progress.h"
#include "stockpot/data/dataset.h"
#include "stockpot/learned/mixed_model.h"

namespace stockpot {

// adamw: a step for each batch, at a constant rate, without weight decay. lbfgs: each step looks at
// all pictures.
enum class Learner { adamw, lbfgs };

std::string_view name_of(Learner learner);
std::optional<Learner> learner_from(std::string_view name);

struct LearnOptions {
  Learner learner = Learner::adamw;
  double learning_rate = 0.05;  // adamw
  int epochs = 5;               // adamw
  int iterations = 30;          // lbfgs, at most
  std::int64_t batch_size = 256;
  std::uint64_t seed = 0;
  std::optional<int> loader_threads = {};  // unset: what suits the device
  // The state is saved in this folder so often, at the end of an epoch (or iteration) and when
  // asked to stop; empty: never.
  fs::path folder = {};
  double every_seconds = 20;
  Json identity = Json::object();  // of everything that the result depends on
  std::function<void(const std::string&)> on_warning = {};
};

struct LearnResult {
  std::vector<double> parameters;  // of the coefficients
  std::vector<double> losses;      // the mean over each epoch as it went by, or at each iteration
  std::int64_t steps = 0;
  bool converged = false;  // lbfgs: nothing better was found
};

// `coefficients` is the start and receives the result. A saved state of the same identity is gone
// on from, and the result is that of an unbroken run, bit for bit. Throws Diverged when the loss or
// gradient is not finite, Interrupted when asked to stop, UsageError for a state of something else.
LearnResult learn(MixedModel& model, const HeldOut& held_out, Coefficients& coefficients,
                  const LearnOptions& options, Progress& progress);

}  // namespace stockpot
