#include "stockpot/model/dense.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "stockpot/kernels/gemm.h"
#include "stockpot/kernels/rows.h"
#include "stockpot/model/blocks.h"

namespace stockpot {

PackedWeight::PackedWeight(std::int64_t depth, std::int64_t columns)
    : depth_(depth),
      columns_(columns),
      data_(new float[static_cast<std::size_t>(depth * packed_columns(columns))]) {}

PackedWeight PackedWeight::forward(const float* weight, std::int64_t out, std::int64_t in) {
  PackedWeight packed(in, out);
  pack(in, out, {weight, 1, in}, packed.data_.get());
  return packed;
}

PackedWeight PackedWeight::backward(const float* weight, std::int64_t out, std::int64_t in) {
  PackedWeight packed(out, in);
  pack(out, in, {weight, in, 1}, packed.data_.get());
  return packed;
}

void PackedWeight::multiply(std::int64_t rows, const float* x, const float* bias, bool accumulate,
                            float* y) const {
  stockpot::multiply(rows, columns_, depth_, {x, depth_, 1}, data_.get(), y, columns_,
                     {.bias = bias, .accumulate = accumulate});
}

namespace {

// A rectangle of the weight's gradient for each thread, about square. An element is the same
// sum in any rectangle.
struct Grid {
  Grid(std::int64_t out, std::int64_t in, std::int64_t threads) : height(out), width(in) {
    const auto count = [&] { return ((out + height - 1) / height) * ((in + width - 1) / width); };
    while (count() < threads && (height > 32 || width > 48)) {
      if (height >= width && height > 32)
        height = ((height + 1) / 2 + 7) / 8 * 8;
      else if (width > 48)
        width = ((width + 1) / 2 + 47) / 48 * 48;
      else
        break;
    }
    across = (in + width - 1) / width;
    cells = count();
  }

  std::int64_t height, width;  // of a rectangle
  std::int64_t across = 1, cells = 1;
};

}  // namespace

void weight_gradient(std::int64_t rows, std::int64_t out, std::int64_t in, const float* y_gradient,
                     const float* x, float* weight, float* bias) {
  const Grid grid(out, in, at::get_num_threads());
  // So many rows are packed and used while they are in the cache.
  constexpr std::int64_t depth = 256;
  for_blocks(grid.cells, [&](std::int64_t cell) {
    const std::int64_t i = cell / grid.across * grid.height, j = cell % grid.across * grid.width;
    const std::int64_t height = std::min(grid.height, out - i);
    const std::int64_t width = std::min(grid.width, in - j);
    const std::unique_ptr<float[]> packed(
        new float[static_cast<std::size_t>(depth * packed_columns(width))]);
    if (bias && j == 0) std::fill_n(bias + i, height, 0.0f);
    for (std::int64_t row = 0; row < rows; row += depth) {
      const std::int64_t deep = std::min(depth, rows - row);
      const float* gradient = y_gradient + row * out + i;
      pack(deep, width, {x + row * in + j, in, 1}, packed.get());
      multiply(height, width, deep, {gradient, 1, out}, packed.get(), weight + i * in + j, in,
               {.accumulate = row > 0});
      if (bias && j == 0) add_column_sums(deep, height, gradient, out, bias + i);
    }
  });
}

}  // namespace stockpot
