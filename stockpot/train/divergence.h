// A run whose loss or gradient stopped being a number.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stockpot/base/error.h"
#include "stockpot/base/json.h"

namespace stockpot {

struct Divergence {
  int epoch = 0;
  std::int64_t step = 0, steps = 0;  // 1-based, of the whole run
  double learning_rate = 0, loss = 0, gradient_norm = 0;
  std::vector<std::string> batch;  // ids of its images
  std::string advice;              // what to lower

  std::string message() const;
  Json to_json() const;  // diverged.json
};

// Training again with the same settings ends here again: a sweep marks it and goes on.
class Diverged : public RunError {
 public:
  explicit Diverged(Divergence divergence)
      : RunError(divergence.message()), divergence_(std::move(divergence)) {}
  const Divergence& divergence() const { return divergence_; }

 private:
  Divergence divergence_;
};

}  // namespace stockpot
