#include "stockpot/blend/optimizers.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

#include "stockpot/base/error.h"

namespace stockpot {
namespace {

constexpr std::size_t kPairs = 10;
constexpr int kHalvings = 20;
constexpr double kDecrease = 1e-4;     // Armijo's share of the slope
constexpr double kLongestFirst = 0.5;  // of the first step, along any parameter

double dot(std::span<const double> a, std::span<const double> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

std::vector<double> moved(std::span<const double> x, double step,
                          std::span<const double> direction) {
  std::vector<double> result(x.begin(), x.end());
  for (std::size_t i = 0; i < result.size(); ++i) result[i] += step * direction[i];
  return result;
}

Json rows_json(const std::vector<std::vector<double>>& rows) {
  Json list = Json::array();
  for (const std::vector<double>& row : rows) list.push(numbers_json(row));
  return list;
}

const Json& member(const Json& state, const char* name) {
  const Json* found = state.find(name);
  if (found == nullptr) throw FormatError("the saved optimizer has no '" + std::string(name) + "'");
  return *found;
}

std::vector<std::vector<double>> rows_from(const Json& list, std::size_t count) {
  std::vector<std::vector<double>> rows;
  for (const Json& row : list.items()) rows.push_back(numbers_from(&row, count));
  return rows;
}

}  // namespace

Json numbers_json(std::span<const double> values) {
  Json list = Json::array();
  for (const double value : values) list.push(value);
  return list;
}

std::vector<double> numbers_from(const Json* list, std::size_t count) {
  std::vector<double> values;
  if (list != nullptr && list->is_array())
    for (const Json& value : list->items()) values.push_back(value.as_number());
  if (values.size() != count)
    throw FormatError("the saved state has " + std::to_string(values.size()) +
                      " numbers where there should be " + std::to_string(count));
  return values;
}

FewAdam::FewAdam(std::size_t count, double beta1, double beta2, double eps)
    : beta1_(beta1), beta2_(beta2), eps_(eps), first_(count), second_(count) {}

void FewAdam::step(std::span<const double> gradient, double learning_rate,
                   std::span<double> parameters) {
  assert(gradient.size() == first_.size() && parameters.size() == first_.size());
  ++steps_;
  const double correction1 = 1 - std::pow(beta1_, static_cast<double>(steps_));
  const double correction2 = 1 - std::pow(beta2_, static_cast<double>(steps_));
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    first_[i] = beta1_ * first_[i] + (1 - beta1_) * gradient[i];
    second_[i] = beta2_ * second_[i] + (1 - beta2_) * gradient[i] * gradient[i];
    parameters[i] -=
        learning_rate / correction1 * first_[i] / (std::sqrt(second_[i] / correction2) + eps_);
  }
}

Json FewAdam::state() const {
  return Json::object(
      {{"steps", steps_}, {"first", numbers_json(first_)}, {"second", numbers_json(second_)}});
}

void FewAdam::restore(const Json& state) {
  steps_ = member(state, "steps").as_integer();
  first_ = numbers_from(state.find("first"), first_.size());
  second_ = numbers_from(state.find("second"), second_.size());
}

double Lbfgs::gradient_norm() const { return std::sqrt(dot(at_.gradient, at_.gradient)); }

// The two loops of algorithm 7.4: minus the approximate inverse Hessian times the gradient.
std::vector<double> Lbfgs::direction() const {
  std::vector<double> q = at_.gradient, factors(steps_.size());
  for (std::size_t i = steps_.size(); i-- > 0;) {
    factors[i] = dot(steps_[i], q) / dot(steps_[i], changes_[i]);
    q = moved(q, -factors[i], changes_[i]);
  }
  double scale = 1;
  if (!steps_.empty()) {
    scale = dot(steps_.back(), changes_.back()) / dot(changes_.back(), changes_.back());
  } else {
    double largest = 0;
    for (const double g : at_.gradient) largest = std::max(largest, std::abs(g));
    if (largest > 0) scale = std::min(1.0, kLongestFirst) / largest;
  }
  for (double& value : q) value *= scale;
  for (std::size_t i = 0; i < steps_.size(); ++i)
    q = moved(q, factors[i] - dot(changes_[i], q) / dot(steps_[i], changes_[i]), steps_[i]);
  for (double& value : q) value = -value;
  return q;
}

void Lbfgs::remember(const std::vector<double>& x, const Objective& at) {
  std::vector<double> step = moved(x, -1, x_), change = moved(at.gradient, -1, at_.gradient);
  const double curvature = dot(step, change);
  if (curvature <= 1e-12 * std::sqrt(dot(step, step) * dot(change, change))) return;
  if (steps_.size() == kPairs) {
    steps_.erase(steps_.begin());
    changes_.erase(changes_.begin());
  }
  steps_.push_back(std::move(step));
  changes_.push_back(std::move(change));
}

bool Lbfgs::iterate(const Function& function) {
  if (!started()) at_ = function(x_);
  if (!std::isfinite(at_.value)) return false;
  std::vector<double> along = direction();
  double slope = dot(at_.gradient, along);
  if (slope >= 0) {
    // The pairs mislead: along the gradient alone.
    steps_.clear();
    changes_.clear();
    along = direction();
    slope = dot(at_.gradient, along);
  }
  if (slope == 0) return false;
  double step = 1;
  for (int i = 0; i < kHalvings; ++i, step /= 2) {
    const std::vector<double> x = moved(x_, step, along);
    const Objective next = function(x);
    if (!(next.value <= at_.value + kDecrease * step * slope) || next.value == at_.value) continue;
    remember(x, next);
    x_ = x;
    at_ = next;
    return true;
  }
  return false;
}

Json Lbfgs::state() const {
  return Json::object({{"x", numbers_json(x_)},
                       {"value", at_.value},
                       {"gradient", numbers_json(at_.gradient)},
                       {"steps", rows_json(steps_)},
                       {"changes", rows_json(changes_)}});
}

void Lbfgs::restore(const Json& state) {
  const std::size_t count = x_.size();
  x_ = numbers_from(state.find("x"), count);
  at_.value = member(state, "value").as_number();
  const Json& gradient = member(state, "gradient");
  at_.gradient = numbers_from(&gradient, gradient.items().empty() ? 0 : count);
  steps_ = rows_from(member(state, "steps"), count);
  changes_ = rows_from(member(state, "changes"), count);
  if (steps_.size() != changes_.size())
    throw FormatError("the saved optimizer has steps without their changes");
}

}  // namespace stockpot
