// Sums and maxima over a row. Floating-point addition is not associative, so a compiler
// vectorises a sum only if its order is written down: here in lanes of eight, the same for
// every instruction set.
#pragma once

#include <cstdint>

#include "stockpot/kernels/math.h"

namespace stockpot {

using Lanes = float __attribute__((vector_size(32), aligned(4), may_alias));
inline constexpr std::int64_t kLanes = 8;

STOCKPOT_INLINE const Lanes& lanes_at(const float* x) { return *reinterpret_cast<const Lanes*>(x); }

STOCKPOT_INLINE float fold(const Lanes& v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

STOCKPOT_INLINE float row_sum(std::int64_t n, const float* x) {
  Lanes a = {}, b = {};
  std::int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    a += lanes_at(x + i);
    b += lanes_at(x + i + kLanes);
  }
  float sum = fold(a + b);
  for (; i < n; ++i) sum += x[i];
  return sum;
}

// The sum of (x - center)^2.
STOCKPOT_INLINE float row_squares(std::int64_t n, const float* x, float center) {
  Lanes a = {}, b = {};
  std::int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    const Lanes u = lanes_at(x + i) - center, v = lanes_at(x + i + kLanes) - center;
    a += u * u;
    b += v * v;
  }
  float sum = fold(a + b);
  for (; i < n; ++i) sum += (x[i] - center) * (x[i] - center);
  return sum;
}

STOCKPOT_INLINE float row_product(std::int64_t n, const float* x, const float* y) {
  Lanes a = {}, b = {};
  std::int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    a += lanes_at(x + i) * lanes_at(y + i);
    b += lanes_at(x + i + kLanes) * lanes_at(y + i + kLanes);
  }
  float sum = fold(a + b);
  for (; i < n; ++i) sum += x[i] * y[i];
  return sum;
}

// n is at least 1.
STOCKPOT_INLINE float row_max(std::int64_t n, const float* x) {
  float largest = x[0];
  std::int64_t i = 0;
  if (n >= kLanes) {
    Lanes top = lanes_at(x);
    for (i = kLanes; i + kLanes <= n; i += kLanes) {
      const Lanes& next = lanes_at(x + i);
      top = next > top ? next : top;
    }
    for (int l = 0; l < kLanes; ++l) largest = top[l] > largest ? top[l] : largest;
  }
  for (; i < n; ++i) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

}  // namespace stockpot
