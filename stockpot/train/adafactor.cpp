#include "stockpot/train/adafactor.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "stockpot/model/blocks.h"

namespace stockpot {
namespace {

constexpr double kEpsilon = 1e-30, kDecayRate = -0.8, kClipThreshold = 1;

double new_share(std::int64_t step) { return std::pow(static_cast<double>(step), kDecayRate); }

// So that the root mean square of an update is at most kClipThreshold.
double clipped(double squares, std::int64_t count) {
  const double rms = std::sqrt(squares / static_cast<double>(count));
  return 1 / std::max(1.0, rms / kClipThreshold);
}

double square_of(float gradient, double scale) {
  const double g = gradient * scale;
  return g * g + kEpsilon;
}

void average(float& moment, double square, double share) {
  moment = static_cast<float>(moment * (1 - share) + square * share);
}

}  // namespace

Adafactor::Adafactor(const Classifier& model) {
  std::int64_t numbers = 0;
  for (const Parameter& parameter : model.parameters()) {
    Layout layout;
    layout.offset = parameter.offset;
    layout.count = parameter.value.numel();
    layout.decay = parameter.decay;
    layout.sizes = parameter.value.sizes().vec();
    layout.strides = parameter.value.strides().vec();
    const std::size_t n = layout.sizes.size();
    layout.factored = n >= 2;
    layout.columns = n > 0 ? layout.sizes[n - 1] : 1;
    layout.column_stride = n > 0 ? layout.strides[n - 1] : 1;
    layout.row_state = numbers;
    if (layout.factored) {
      layout.rows = layout.sizes[n - 2];
      layout.row_stride = layout.strides[n - 2];
      for (std::size_t i = 0; i + 2 < n; ++i) {
        layout.outer[i] = layout.sizes[i];
        layout.outer_stride[i] = layout.strides[i];
      }
      const std::int64_t matrices = layout.outer[0] * layout.outer[1];
      layout.column_state = layout.row_state + matrices * layout.rows;
      numbers = layout.column_state + matrices * layout.columns;
    } else {
      numbers += layout.count;
    }
    layouts_.push_back(std::move(layout));
  }
  state_ = at::zeros({numbers}, model.flat_values().options());
}

void Adafactor::update(std::int64_t begin, std::int64_t end, const Step& step,
                       const at::Tensor& values, const at::Tensor& gradients) const {
  for_blocks(static_cast<std::int64_t>(layouts_.size()), [&](std::int64_t i) {
    const Layout& layout = layouts_[static_cast<std::size_t>(i)];
    if (layout.offset < begin || layout.offset >= end) return;
    float* const w = values.data_ptr<float>() + layout.offset;
    const float* const g = gradients.data_ptr<float>() + layout.offset;
    layout.factored ? factored(layout, step, w, g) : whole(layout, step, w, g);
  });
}

void Adafactor::whole(const Layout& layout, const Step& step, float* values,
                      const float* gradients) const {
  float* const moments = state_.data_ptr<float>() + layout.row_state;
  const double share = new_share(step.number), scale = step.gradient_scale;
  double squares = 0;
  for (std::int64_t i = 0; i < layout.count; ++i) {
    average(moments[i], square_of(gradients[i], scale), share);
    const double u = gradients[i] * scale / std::sqrt(static_cast<double>(moments[i]));
    squares += u * u;
  }
  if (step.learning_rate == 0) return;
  const double rate = step.learning_rate * clipped(squares, layout.count);
  const double keep = 1 - (layout.decay ? step.weight_decay * step.learning_rate : 0);
  for (std::int64_t i = 0; i < layout.count; ++i) {
    const double u = gradients[i] * scale / std::sqrt(static_cast<double>(moments[i]));
    values[i] = static_cast<float>(values[i] * keep - rate * u);
  }
}

// Calls body(matrix, place of its first element): a matrix for each index of the outer dimensions.
template <typename Body>
void Adafactor::for_matrices(const Layout& layout, const Body& body) {
  for (std::int64_t i = 0, matrix = 0; i < layout.outer[0]; ++i)
    for (std::int64_t j = 0; j < layout.outer[1]; ++j, ++matrix)
      body(matrix, i * layout.outer_stride[0] + j * layout.outer_stride[1]);
}

float* Adafactor::row_moments(const Layout& layout, std::int64_t matrix) const {
  return state_.data_ptr<float>() + layout.row_state + matrix * layout.rows;
}

float* Adafactor::column_moments(const Layout& layout, std::int64_t matrix) const {
  return state_.data_ptr<float>() + layout.column_state + matrix * layout.columns;
}

void Adafactor::update_moments(const Layout& layout, const Step& step,
                               const float* gradients) const {
  const std::int64_t rows = layout.rows, columns = layout.columns;
  const double share = new_share(step.number);
  std::vector<double> sums(static_cast<std::size_t>(columns));
  for_matrices(layout, [&](std::int64_t matrix, std::int64_t first) {
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::int64_t r = 0; r < rows; ++r) {
      const float* const row = gradients + first + r * layout.row_stride;
      double sum = 0;
      for (std::int64_t c = 0; c < columns; ++c) {
        const double square = square_of(row[c * layout.column_stride], step.gradient_scale);
        sum += square;
        sums[static_cast<std::size_t>(c)] += square;
      }
      average(row_moments(layout, matrix)[r], sum / static_cast<double>(columns), share);
    }
    for (std::int64_t c = 0; c < columns; ++c)
      average(column_moments(layout, matrix)[c],
              sums[static_cast<std::size_t>(c)] / static_cast<double>(rows), share);
  });
}

// Calls body(place, gradient / sqrt(row * column / mean of the rows)).
template <typename Body>
void Adafactor::for_updates(const Layout& layout, const Step& step, const float* gradients,
                            const Body& body) const {
  std::vector<double> of_column(static_cast<std::size_t>(layout.columns));
  for_matrices(layout, [&](std::int64_t matrix, std::int64_t first) {
    const float *row = row_moments(layout, matrix), *column = column_moments(layout, matrix);
    double mean = 0;
    for (std::int64_t r = 0; r < layout.rows; ++r) mean += row[r];
    mean /= static_cast<double>(layout.rows);
    for (std::int64_t c = 0; c < layout.columns; ++c)
      of_column[static_cast<std::size_t>(c)] =
          step.gradient_scale / std::sqrt(static_cast<double>(column[c]));
    for (std::int64_t r = 0; r < layout.rows; ++r) {
      const double of_row = 1 / std::sqrt(row[r] / mean);
      for (std::int64_t c = 0; c < layout.columns; ++c) {
        const std::int64_t at = first + r * layout.row_stride + c * layout.column_stride;
        body(at, of_row * of_column[static_cast<std::size_t>(c)] * gradients[at]);
      }
    }
  });
}

void Adafactor::factored(const Layout& layout, const Step& step, float* values,
                         const float* gradients) const {
  update_moments(layout, step, gradients);
  if (step.learning_rate == 0) return;
  double squares = 0;
  for_updates(layout, step, gradients,
              [&](std::int64_t, double update) { squares += update * update; });
  const double rate = step.learning_rate * clipped(squares, layout.count);
  const double keep = 1 - (layout.decay ? step.weight_decay * step.learning_rate : 0);
  for_updates(layout, step, gradients, [&](std::int64_t at, double update) {
    values[at] = static_cast<float>(values[at] * keep - rate * update);
  });
}

void Adafactor::update_by_operators(std::int64_t begin, std::int64_t end, const Step& step,
                                    const at::Tensor& values, const at::Tensor& gradients) const {
  const double share = new_share(step.number);
  for (const Layout& layout : layouts_) {
    if (layout.offset < begin || layout.offset >= end) continue;
    const at::Tensor w = values.as_strided(layout.sizes, layout.strides, layout.offset);
    const at::Tensor g =
        gradients.as_strided(layout.sizes, layout.strides, layout.offset) * step.gradient_scale;
    const at::Tensor square = g.square().add_(kEpsilon);
    at::Tensor update;
    if (layout.factored) {
      std::vector<std::int64_t> by_row(layout.sizes.begin(), layout.sizes.end() - 1);
      std::vector<std::int64_t> by_column(layout.sizes.begin(), layout.sizes.end() - 2);
      by_column.push_back(layout.columns);
      const std::int64_t matrices = layout.outer[0] * layout.outer[1];
      const at::Tensor row =
          state_.narrow(0, layout.row_state, matrices * layout.rows).view(by_row);
      const at::Tensor column =
          state_.narrow(0, layout.column_state, matrices * layout.columns).view(by_column);
      row.mul_(1 - share).add_(square.mean({-1}), share);
      column.mul_(1 - share).add_(square.mean({-2}), share);
      update = (row / row.mean({-1}, /*keepdim=*/true)).rsqrt_().unsqueeze(-1) *
               column.unsqueeze(-2).rsqrt() * g;
    } else {
      const at::Tensor moments = state_.narrow(0, layout.row_state, layout.count);
      moments.mul_(1 - share).add_(square.reshape({-1}), share);
      update = moments.rsqrt().mul_(g.reshape({-1})).view(layout.sizes);
    }
    if (step.learning_rate == 0) continue;
    const double numbers = static_cast<double>(layout.count);
    const at::Tensor rms = update.norm() / std::sqrt(numbers);
    update = update / (rms / kClipThreshold).clamp_min(1.0);
    if (layout.decay) w.mul_(1 - step.weight_decay * step.learning_rate);
    w.add_(update, -step.learning_rate);
  }
}

}  // namespace stockpot
