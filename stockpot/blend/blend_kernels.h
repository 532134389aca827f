// The arithmetic of ingredients.h on stretches of models: pure functions, compiled once per
// instruction set and rounding alike in each (base/isa.h).
#pragma once

#include <cstddef>
#include <span>

#include "stockpot/checkpoint/dtype.h"

namespace stockpot::blend_kernels {

// Stretches of equal length of several models, in one of the types f32, bf16, f16 and f64; the
// bytes may be unaligned.
struct Streams {
  std::span<const std::byte* const> models;
  Dtype dtype = Dtype::f32;
};

// sum[i] += sum_m weights[m] * x_m[i], the models in their order.
void add_mix(const Streams& streams, std::span<const double> weights, std::span<double> sum);

// To float32, to nearest even.
void round(std::span<const double> values, std::span<float> out);

// sums[m] += sum_i g[i] * x_m[i] in fp64; the order of the additions depends on g.size() alone.
void add_products(const Streams& streams, std::span<const float> g, std::span<double> sums);

}  // namespace stockpot::blend_kernels
