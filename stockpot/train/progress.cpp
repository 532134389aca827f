#include "stockpot/train/progress.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

namespace stockpot {

EpochTotals::EpochTotals(at::Device device)
    : loss_(at::zeros({}, at::TensorOptions(at::kDouble).device(device))),
      norms_(at::zeros_like(loss_)),
      correct_(at::zeros({}, at::TensorOptions(at::kLong).device(device))) {}

void EpochTotals::add(const at::Tensor& loss, const at::Tensor& gradient_norm,
                      const at::Tensor& logits, const at::Tensor& labels) {
  loss_.add_(loss.detach(), static_cast<double>(labels.size(0)));
  norms_.add_(gradient_norm);
  correct_.add_(logits.detach().argmax(1).eq(labels).sum());
  rows_ += labels.size(0);
}

bool EpochTotals::finite() const { return std::isfinite((loss_ + norms_).item<double>()); }

double EpochTotals::mean_loss() const {
  return loss_.item<double>() / static_cast<double>(std::max<std::int64_t>(rows_, 1));
}

double EpochTotals::accuracy() const {
  return Accuracy{correct_.item<std::int64_t>(), rows_}.value();
}

double Progress::since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double Progress::seconds_left(std::int64_t step) const {
  return since(run_) / static_cast<double>(step) * static_cast<double>(steps_ - step);
}

void Progress::start_epoch() { epoch_ = Clock::now(); }

void Progress::step(int epoch, std::int64_t step, std::int64_t rows, const at::Tensor& loss,
                    const FitCallbacks& callbacks) {
  if (!callbacks.on_step || since(said_) < 0.25) return;
  said_ = Clock::now();
  StepReport report;
  report.epoch = epoch;
  report.epochs = epochs_;
  report.step = step;
  report.steps = steps_;
  report.loss = loss.item<double>();
  report.images_per_second = static_cast<double>(rows) / since(epoch_);
  report.seconds_left = seconds_left(step);
  callbacks.on_step(report);
}

void Progress::end_of_training(std::int64_t rows) {
  images_per_second_ = static_cast<double>(rows) / since(epoch_);
}

void Progress::finish(EpochReport& report, std::int64_t step) const {
  report.seconds = since(epoch_);
  report.seconds_left = seconds_left(step);
  report.images_per_second = images_per_second_;
}

Json EpochReport::to_json() const {
  return Json::object({{"epoch", epoch},
                       {"epochs", epochs},
                       {"train_loss", train_loss},
                       {"train_accuracy", train_accuracy},
                       {"held_out_correct", held_out.correct},
                       {"held_out_total", held_out.total},
                       {"held_out_accuracy", held_out.value()},
                       {"held_out_loss", held_out_loss},
                       {"learning_rate", learning_rate},
                       {"seconds", seconds},
                       {"seconds_left", seconds_left},
                       {"images_per_second", images_per_second}});
}

}  // namespace stockpot
