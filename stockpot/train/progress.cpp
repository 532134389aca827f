#include "stockpot/train/progress.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

#include "stockpot/base/error.h"

namespace stockpot {
namespace {

const Json& need(const Json& json, const char* key) {
  if (const Json* value = json.find(key)) return *value;
  throw FormatError(std::string("a saved state has no '") + key + "'");
}

}  // namespace

EpochTotals::EpochTotals(at::Device device)
    : loss_(at::zeros({}, at::TensorOptions(at::kDouble).device(device))),
      norms_(at::zeros_like(loss_)),
      correct_(at::zeros({}, at::TensorOptions(at::kLong).device(device))),
      recent_(at::zeros({kRemembered, 2}, loss_.options())) {}

void EpochTotals::add(std::int64_t step, const at::Tensor& loss, const at::Tensor& gradient_norm,
                      const at::Tensor& correct, std::int64_t rows) {
  loss_.add_(loss.detach(), static_cast<double>(rows));
  norms_.add_(gradient_norm);
  correct_.add_(correct);
  const at::Tensor place = recent_.select(0, step % kRemembered);
  place.select(0, 0).copy_(loss.detach());
  place.select(0, 1).copy_(gradient_norm);
  rows_ += rows;
}

bool EpochTotals::finite() const { return std::isfinite((loss_ + norms_).item<double>()); }

EpochTotals::BadStep EpochTotals::first_bad(std::int64_t last_step) const {
  const at::Tensor recent = recent_.cpu();
  for (std::int64_t step = std::max<std::int64_t>(1, last_step - kRemembered + 1);
       step <= last_step; ++step) {
    const double* place = recent.data_ptr<double>() + step % kRemembered * 2;
    if (!std::isfinite(place[0] + place[1])) return {step, place[0], place[1]};
  }
  return {};
}

double EpochTotals::mean_loss() const {
  return loss_.item<double>() / static_cast<double>(std::max<std::int64_t>(rows_, 1));
}

double EpochTotals::accuracy() const {
  return Accuracy{correct_.item<std::int64_t>(), rows_}.value();
}

Json EpochTotals::to_json() const {
  return Json::object({{"loss", loss_.item<double>()},
                       {"norms", norms_.item<double>()},
                       {"correct", correct_.item<std::int64_t>()},
                       {"rows", rows_}});
}

void EpochTotals::set(const Json& json) {
  loss_.fill_(need(json, "loss").as_number());
  norms_.fill_(need(json, "norms").as_number());
  correct_.fill_(need(json, "correct").as_integer());
  rows_ = need(json, "rows").as_integer();
}

double RunClock::since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

RunClock::Clock::time_point RunClock::ago(double seconds) {
  return Clock::now() -
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

double RunClock::seconds_left(std::int64_t step) const {
  return since(run_) / static_cast<double>(step) * static_cast<double>(steps_ - step);
}

void RunClock::start_epoch() {
  epoch_ = Clock::now();
  data_seconds_ = 0;
}

void RunClock::step(StepReport report, std::int64_t rows, const std::function<double()>& loss,
                    const FitCallbacks& callbacks) {
  if (!callbacks.on_step || since(said_) < 0.25) return;
  said_ = Clock::now();
  report.epochs = epochs_;
  report.steps = steps_;
  report.loss = loss();
  report.images_per_second = static_cast<double>(rows) / since(epoch_);
  report.seconds_left = seconds_left(report.step);
  callbacks.on_step(report);
}

void RunClock::end_of_training(std::int64_t rows) {
  const double seconds = since(epoch_);
  images_per_second_ = static_cast<double>(rows) / seconds;
  data_share_ = data_seconds_ / seconds;
}

void RunClock::finish(EpochReport& report, std::int64_t step) const {
  report.step = step;
  report.seconds = since(epoch_);
  report.seconds_left = seconds_left(step);
  report.images_per_second = images_per_second_;
  report.data_share = data_share_;
}

Json RunClock::to_json() const {
  return Json::object({{"run", since(run_)}, {"epoch", since(epoch_)}});
}

void RunClock::set(const Json& json) {
  run_ = ago(need(json, "run").as_number());
  epoch_ = ago(need(json, "epoch").as_number());
}

}  // namespace stockpot
