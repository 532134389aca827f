// Optimizers of a few numbers, whose state can be saved between two steps and goes on with the same
// bits.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "stockpot/base/json.h"

namespace stockpot {

// AdamW without weight decay, at a constant rate (torch.optim.AdamW's defaults otherwise).
class FewAdam {
 public:
  explicit FewAdam(std::size_t count, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8);
  void step(std::span<const double> gradient, double learning_rate, std::span<double> parameters);

  Json state() const;
  // Throws FormatError when it is of another number of parameters.
  void restore(const Json& state);

 private:
  double beta1_, beta2_, eps_;
  std::int64_t steps_ = 0;
  std::vector<double> first_, second_;  // moments
};

struct Objective {
  double value = 0;
  std::vector<double> gradient;
};

// L-BFGS (Nocedal & Wright, algorithm 7.4) with ten pairs and a backtracking line search that
// demands Armijo's decrease; pairs without curvature are left out. Deterministic: what a step does
// follows from the state before it.
class Lbfgs {
 public:
  using Function = std::function<Objective(std::span<const double> parameters)>;

  explicit Lbfgs(std::vector<double> start) : x_(std::move(start)) {}

  // One iteration; the first call evaluates the start too. False when nothing better was found:
  // the gradient is as good as zero, or no step decreases the function beyond its rounding.
  bool iterate(const Function& function);

  const std::vector<double>& parameters() const { return x_; }
  bool started() const { return !at_.gradient.empty(); }
  const Objective& at() const { return at_; }  // once started
  double gradient_norm() const;

  Json state() const;
  void restore(const Json& state);

 private:
  std::vector<double> direction() const;
  void remember(const std::vector<double>& x, const Objective& at);

  std::vector<double> x_;
  Objective at_;
  std::vector<std::vector<double>> steps_, changes_;  // of x and of the gradient, oldest first
};

// Lists of numbers in saved states. Throws FormatError when there are not `count` numbers.
Json numbers_json(std::span<const double> values);
std::vector<double> numbers_from(const Json* list, std::size_t count);

}  // namespace stockpot
