// Adafactor (Shazeer and Stern 2018) with the learning rate given from outside: transformers'
// Adafactor with relative_step=False, scale_parameter=False and its other defaults (eps 1e-30,
// clip_threshold 1, decay_rate -0.8, no first moment). Of a matrix it keeps one number a row and
// one a column.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

#include "stockpot/model/classifier.h"

namespace stockpot {

class Adafactor {
 public:
  explicit Adafactor(const Classifier& model);

  struct Step {
    double learning_rate = 0, weight_decay = 0;  // decoupled
    std::int64_t number = 1;                     // 1-based, of these parameters
    double gradient_scale = 1;
  };
  // One step of the parameters that lie in begin .. end of the flat buffers. On the CPU,
  // without operators; results do not depend on the threads.
  void update(std::int64_t begin, std::int64_t end, const Step& step, const at::Tensor& values,
              const at::Tensor& gradients) const;
  // The same by LibTorch's operators: any device, and the reference.
  void update_by_operators(std::int64_t begin, std::int64_t end, const Step& step,
                           const at::Tensor& values, const at::Tensor& gradients) const;

  const at::Tensor& state() const { return state_; }

 private:
  // A parameter as a grid of matrices (its last two dimensions), or as one row when it has a
  // single dimension: then the second moment is kept whole.
  struct Layout {
    std::int64_t offset = 0, count = 0;
    bool decay = false, factored = false;
    std::vector<std::int64_t> sizes, strides;  // as the parameter's value
    std::array<std::int64_t, 2> outer{1, 1}, outer_stride{0, 0};
    std::int64_t rows = 1, row_stride = 0, columns = 1, column_stride = 1;
    std::int64_t row_state = 0, column_state = 0;  // where its numbers are in state_
  };

  void whole(const Layout& layout, const Step& step, float* values, const float* gradients) const;
  void factored(const Layout& layout, const Step& step, float* values,
                const float* gradients) const;

  template <typename Body>
  static void for_matrices(const Layout& layout, const Body& body);
  template <typename Body>
  void for_updates(const Layout& layout, const Step& step, const float* gradients,
                   const Body& body) const;
  void update_moments(const Layout& layout, const Step& step, const float* gradients) const;
  float* row_moments(const Layout& layout, std::int64_t matrix) const;
  float* column_moments(const Layout& layout, std::int64_t matrix) const;

  std::vector<Layout> layouts_;  // by offset
  at::Tensor state_;
};

}  // namespace stockpot
