// Inner products of the models of a tensor: all that methods of angles and norms need of it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "stockpot/merge/method.h"

namespace stockpot {

// Of the task vectors; of the models themselves when the job has no base.
class Gram {
 public:
  // `products`: models x models, of which the lower triangle is read.
  Gram(std::size_t models, std::vector<double> products, bool equal);
  std::size_t models() const { return models_; }
  double product(std::size_t i, std::size_t j) const { return products_[i * models_ + j]; }
  double norm(std::size_t i) const;
  // In -1..1. Neither norm may be zero.
  double cosine(std::size_t i, std::size_t j) const;
  bool equal() const { return equal_; }  // all models have the same values

 private:
  std::size_t models_;
  std::vector<double> products_;
  bool equal_;
};

// The same for any number of threads. `total`, unless it is empty, becomes the sum of the task
// vectors, element by element in the order of the models, of a job with a base.
Gram gram(const TensorJob& job, TensorPass& pass, std::span<double> total = {});

// A row is a part of the tensor along its first dimension (a filter, an output unit); tensors
// of fewer than two dimensions are one row.
std::int64_t row_count(const TensorJob& job);
// One for each row, in parallel: use(row, gram) writes disjoint places.
void gram_by_rows(const TensorJob& job,
                  const std::function<void(std::int64_t row, const Gram& gram)>& use);

}  // namespace stockpot
