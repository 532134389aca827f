// The scalar products of one tensor across many models, from which distances and cosines of any
// two of them follow.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stockpot/checkpoint/tensor.h"

namespace stockpot {

// Models are compared by their differences from a reference (theta_0 where it has the tensor, the
// first model elsewhere): models that lie close together would lose most digits of their
// distance if it came from the products of the values themselves.
class TensorGram {
 public:
  // Reads every view once, in parallel, in little memory (two numbers per pair of models and a
  // few MB); the same numbers for any number of threads. `base` may be null. All shapes are
  // equal. Elements that are NaN or Inf in any of the views are left out for all of them;
  // not_finite() counts them.
  TensorGram(std::span<const TensorView* const> models, const TensorView* base);

  bool has_base() const { return has_base_; }
  std::size_t models() const { return rows_ - 1; }
  const std::vector<std::int64_t>& not_finite() const { return not_finite_; }  // by model

  double product(std::size_t i, std::size_t j) const;           // <theta_i, theta_j>
  double squared_distance(std::size_t i, std::size_t j) const;  // |theta_i - theta_j|^2
  // With theta_0 (has_base()): of theta_i and of tau_i = theta_i - theta_0.
  double base_square() const { return at(0, 0); }
  double base_product(std::size_t i) const { return at(0, 0) + at(i + 1, 0); }
  double task_product(std::size_t i, std::size_t j) const { return at(i + 1, j + 1); }

 private:
  double at(std::size_t i, std::size_t j) const;

  std::size_t rows_;  // the reference, then the models
  bool has_base_;
  std::vector<double> lower_;  // lower triangle, row by row
  std::vector<std::int64_t> not_finite_;
};

// <a, b> / (|a| |b|) from the products; NaN when one is zero and 1 when both are.
double cosine_of(double aa, double bb, double ab);

}  // namespace stockpot
