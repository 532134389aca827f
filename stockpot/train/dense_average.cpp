#include "stockpot/train/dense_average.h"

#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <string>
#include <utility>

#include "stockpot/base/error.h"

namespace stockpot {
namespace {

// Far above any threshold, and sums of it stay finite.
constexpr double kLargeLoss = 1e300;

double usable(double loss) { return std::isfinite(loss) ? loss : kLargeLoss; }

at::Tensor zeros(const at::Tensor& like) {
  return at::zeros_like(
      like, like.is_floating_point() ? like.options().dtype(at::kDouble) : like.options());
}

Weights zeros(const Weights& like) {
  Weights weights{zeros(like.values), {}};
  for (const at::Tensor& buffer : like.buffers) weights.buffers.push_back(zeros(buffer));
  return weights;
}

at::Tensor divided(const at::Tensor& sum, std::int64_t steps) {
  return sum.is_floating_point() ? sum.div(static_cast<double>(steps)).to(at::kFloat) : sum;
}

const Json& need(const Json& state, const char* key) {
  if (const Json* value = state.find(key)) return *value;
  throw FormatError(std::string("a saved dense average has no '") + key + "'");
}

}  // namespace

void DenseAverage::add(const Weights& weights, std::int64_t steps, Sum& sum) {
  const c10::NoGradGuard no_grad;
  if (sum.steps == 0) sum.weights = zeros(weights);
  sum.weights.values.add_(weights.values);
  for (std::size_t i = 0; i < weights.buffers.size(); ++i) {
    if (weights.buffers[i].is_floating_point())
      sum.weights.buffers[i].add_(weights.buffers[i]);
    else
      sum.weights.buffers[i].copy_(weights.buffers[i]);
  }
  sum.steps += steps;
}

void DenseAverage::after_step(const Classifier& model) {
  if (!rule_.ended()) add(weights_of(model), 1, epoch_);
}

void DenseAverage::after_epoch(double held_out_loss) {
  if (rule_.ended()) return;
  rule_.add(usable(held_out_loss));
  recent_.push_back(std::exchange(epoch_, {}));
  while (recent_.size() > rule_.undecided()) {
    const Sum& oldest = recent_.front();
    if (rule_.contains(rule_.count() - recent_.size())) add(oldest.weights, oldest.steps, valley_);
    recent_.pop_front();
  }
}

std::optional<SwadWindow> DenseAverage::window(const SwadOptions& options,
                                               std::span<const double> held_out_losses) {
  SwadRule rule(options);
  for (const double loss : held_out_losses) rule.add(usable(loss));
  return rule.window();
}

std::optional<Weights> DenseAverage::mean() const {
  if (!rule_.window()) return std::nullopt;
  const c10::NoGradGuard no_grad;
  Sum sum;
  add(valley_.weights, valley_.steps, sum);
  for (const Sum& epoch : recent_) add(epoch.weights, epoch.steps, sum);
  Weights mean{divided(sum.weights.values, sum.steps), {}};
  for (const at::Tensor& buffer : sum.weights.buffers)
    mean.buffers.push_back(divided(buffer, sum.steps));
  return mean;
}

NamedTensors DenseAverage::tensors(const Classifier& model) const {
  NamedTensors all;
  const auto append = [&](const std::string& name, const Sum& sum) {
    if (sum.steps == 0) return;
    for (auto& tensor : named(name, sum.weights, model)) all.push_back(tensor);
  };
  append("swad.valley", valley_);
  for (std::size_t i = 0; i < recent_.size(); ++i)
    append("swad.recent-" + std::to_string(i), recent_[i]);
  append("swad.epoch", epoch_);
  return all;
}

Json DenseAverage::state() const {
  Json recent = Json::array();
  for (const Sum& epoch : recent_) recent.push(epoch.steps);
  return Json::object(
      {{"valley", valley_.steps}, {"recent", std::move(recent)}, {"epoch", epoch_.steps}});
}

void DenseAverage::set_state(const Json& state, std::span<const double> held_out_losses,
                             const Classifier& model) {
  for (const double loss : held_out_losses) rule_.add(usable(loss));
  const auto sum_of = [&](const Json& steps) {
    Sum sum;
    sum.steps = steps.as_integer();
    if (sum.steps > 0) sum.weights = zeros(weights_of(model));
    return sum;
  };
  valley_ = sum_of(need(state, "valley"));
  epoch_ = sum_of(need(state, "epoch"));
  const auto& recent = need(state, "recent").items();
  if (recent.size() != rule_.undecided() || (valley_.steps == 0 && rule_.window()))
    throw FormatError("a saved dense average is of " + std::to_string(recent.size()) +
                      " open epochs, its losses leave " + std::to_string(rule_.undecided()) +
                      " open");
  for (const Json& steps : recent) {
    recent_.push_back(sum_of(steps));
    if (recent_.back().steps < 1) throw FormatError("a saved dense average has an empty epoch");
  }
}

}  // namespace stockpot
