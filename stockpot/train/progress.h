// What a training run tells while it goes on: sums over the epoch, speed, time left.
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <functional>

#include "stockpot/base/json.h"
#include "stockpot/model/runtime.h"
#include "stockpot/train/fit.h"

namespace stockpot {

// Sums over the batches of one epoch, kept on the model's device: reading one waits for it.
class EpochTotals {
 public:
  explicit EpochTotals(at::Device device);

  void add(std::int64_t step, const at::Tensor& loss, const at::Tensor& gradient_norm,
           const at::Tensor& correct, std::int64_t rows);
  // False as soon as one loss or gradient of the epoch was not finite.
  bool finite() const;
  // The first such step among the last kRemembered; 0 when there is none.
  struct BadStep {
    std::int64_t step = 0;
    double loss = 0, gradient_norm = 0;
  };
  BadStep first_bad(std::int64_t last_step) const;
  double mean_loss() const;
  double accuracy() const;
  std::int64_t rows() const { return rows_; }

  Json to_json() const;
  void set(const Json& json);

  static constexpr std::int64_t kRemembered = 20;

 private:
  at::Tensor loss_, norms_, correct_;
  at::Tensor recent_;  // kRemembered x 2: loss and norm of step s at s modulo kRemembered
  std::int64_t rows_ = 0;
};

// The clock of a run.
class RunClock {
 public:
  RunClock(int epochs, std::int64_t steps) : epochs_(epochs), steps_(steps) {}

  void start_epoch();
  // What `get` returns; the time it takes is waiting for data when the device is idle after it.
  template <typename Get>
  auto wait_for_data(at::Device device, const Get& get) {
    const Clock::time_point begin = Clock::now();
    auto data = get();
    if (is_idle(device)) data_seconds_ += since(begin);
    return data;
  }
  // Calls on_step, at most four times a second, with the loss that `loss` waits for.
  void step(StepReport report, std::int64_t rows, const std::function<double()>& loss,
            const FitCallbacks& callbacks);
  // Fills in the times of an epoch, whose training took until end_of_training().
  void end_of_training(std::int64_t rows);
  void finish(EpochReport& report, std::int64_t step) const;

  // Time spent so far, which an interrupted run goes on from.
  Json to_json() const;
  void set(const Json& json);

 private:
  using Clock = std::chrono::steady_clock;
  static double since(Clock::time_point start);
  static Clock::time_point ago(double seconds);
  double seconds_left(std::int64_t step) const;

  int epochs_;
  std::int64_t steps_;
  Clock::time_point run_ = Clock::now(), epoch_ = run_, said_ = run_;
  double images_per_second_ = 0, data_seconds_ = 0, data_share_ = 0;
};

}  // namespace stockpot
