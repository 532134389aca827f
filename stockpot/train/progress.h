// What a training run tells while it goes on: sums over the epoch, speed, time left.
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>

#include "stockpot/train/fit.h"

namespace stockpot {

// Sums over the batches of one epoch, kept on the model's device: reading one waits for it.
class EpochTotals {
 public:
  explicit EpochTotals(at::Device device);

  void add(const at::Tensor& loss, const at::Tensor& gradient_norm, const at::Tensor& logits,
           const at::Tensor& labels);
  // False as soon as one loss or gradient of the epoch was not finite.
  bool finite() const;
  double mean_loss() const;
  double accuracy() const;
  std::int64_t rows() const { return rows_; }

 private:
  at::Tensor loss_, norms_, correct_;
  std::int64_t rows_ = 0;
};

// The clock of a run.
class Progress {
 public:
  Progress(int epochs, std::int64_t steps) : epochs_(epochs), steps_(steps) {}

  void start_epoch();
  // Calls on_step with the loss, at most four times a second.
  void step(int epoch, std::int64_t step, std::int64_t rows, const at::Tensor& loss,
            const FitCallbacks& callbacks);
  // Fills in the times of an epoch, whose training took until end_of_training().
  void end_of_training(std::int64_t rows);
  void finish(EpochReport& report, std::int64_t step) const;

 private:
  using Clock = std::chrono::steady_clock;
  static double since(Clock::time_point start);
  double seconds_left(std::int64_t step) const;

  int epochs_;
  std::int64_t steps_;
  Clock::time_point run_ = Clock::now(), epoch_ = run_, said_ = run_;
  double images_per_second_ = 0;
};

}  // namespace stockpot
