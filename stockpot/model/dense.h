// The three products of a linear layer, on float32 rows in memory and all of LibTorch's threads.
// Deterministic for any number of threads.
#pragma once

#include <cstdint>
#include <memory>

namespace stockpot {

// A weight in the order that the kernels read it.
class PackedWeight {
 public:
  // For x W^T: weight is out x in.
  static PackedWeight forward(const float* weight, std::int64_t out, std::int64_t in);
  // For y_gradient W.
  static PackedWeight backward(const float* weight, std::int64_t out, std::int64_t in);

  // y (rows x columns()) = x (rows x depth()) times the matrix, plus bias (columns() or null),
  // plus what y holds if `accumulate`. On this thread.
  void multiply(std::int64_t rows, const float* x, const float* bias, bool accumulate,
                float* y) const;
  std::int64_t depth() const { return depth_; }
  std::int64_t columns() const { return columns_; }

 private:
  PackedWeight(std::int64_t depth, std::int64_t columns);

  std::int64_t depth_, columns_;
  std::unique_ptr<float[]> data_;
};

// Rows that one thread takes at a time.
inline constexpr std::int64_t kRowBlock = 64;

// weight (out x in) = y_gradient^T x and, unless null, bias (out) = the column sums of
// y_gradient, for rows x out and rows x in.
void weight_gradient(std::int64_t rows, std::int64_t out, std::int64_t in, const float* y_gradient,
                     const float* x, float* weight, float* bias);

}  // namespace stockpot
