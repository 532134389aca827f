#include "stockpot/blend/blend_kernels.h"

#include <array>
#include <cassert>

#include "stockpot/base/isa.h"
#include "stockpot/checkpoint/float_bits.h"
#include "stockpot/checkpoint/prefetch.h"

namespace stockpot::blend_kernels {
namespace {

struct ReadF64 {
  static constexpr std::size_t kBytes = 8;
  [[gnu::always_inline]] double operator()(const std::byte* x, std::size_t i) const {
    return load<double>(x, i);
  }
};

constexpr std::size_t kGroup = 32;  // elements mixed at a time: a few vector registers

template <typename Read>
[[gnu::always_inline]] inline void mix_all(std::span<const std::byte* const> x,
                                           std::span<const double> weights, std::span<double> sum,
                                           Read read) {
  const std::size_t whole = sum.size() / kGroup * kGroup;
  // The next call will want what follows in every stream.
  const std::size_t next = sum.size() * Read::kBytes;
  for (std::size_t i = 0; i < whole; i += kGroup) {
    double group[kGroup];
    for (std::size_t j = 0; j < kGroup; ++j) group[j] = sum[i + j];
    for (std::size_t model = 0; model < x.size(); ++model) {
      ask_for<kGroup * Read::kBytes>(x[model] + next + i * Read::kBytes);
      const double weight = weights[model];
      for (std::size_t j = 0; j < kGroup; ++j) group[j] += weight * read(x[model], i + j);
    }
    for (std::size_t j = 0; j < kGroup; ++j) sum[i + j] = group[j];
  }
  for (std::size_t i = whole; i < sum.size(); ++i)
    for (std::size_t model = 0; model < x.size(); ++model)
      sum[i] += weights[model] * read(x[model], i);
}

// Separate sums, so that the additions do not wait for each other and become vector code.
constexpr std::size_t kLanes = 8;
using Lanes = std::array<double, kLanes>;

[[gnu::always_inline]] inline double total(const Lanes& lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

// kModels streams side by side.
template <std::size_t kModels, typename Read>
[[gnu::always_inline]] inline void products_of(const std::byte* const* x, std::span<const float> g,
                                               double* sums, Read read) {
  std::array<Lanes, kModels> lanes{};
  const std::size_t next = g.size() * Read::kBytes;
  std::size_t i = 0;
  for (; i + kLanes <= g.size(); i += kLanes)
    for (std::size_t m = 0; m < kModels; ++m) {
      ask_for<kLanes * Read::kBytes>(x[m] + next + i * Read::kBytes);
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        lanes[m][lane] += static_cast<double>(g[i + lane]) * read(x[m], i + lane);
    }
  for (; i < g.size(); ++i)
    for (std::size_t m = 0; m < kModels; ++m)
      lanes[m][0] += static_cast<double>(g[i]) * read(x[m], i);
  for (std::size_t m = 0; m < kModels; ++m) sums[m] += total(lanes[m]);
}

template <typename Read>
[[gnu::always_inline]] inline void all_products(std::span<const std::byte* const> x,
                                                std::span<const float> g, std::span<double> sums,
                                                Read read) {
  constexpr std::size_t kAtOnce = 4;
  std::size_t m = 0;
  for (; m + kAtOnce <= x.size(); m += kAtOnce)
    products_of<kAtOnce>(x.data() + m, g, sums.data() + m, read);
  for (; m < x.size(); ++m) products_of<1>(x.data() + m, g, sums.data() + m, read);
}

}  // namespace

STOCKPOT_PER_ISA void add_mix(const Streams& streams, std::span<const double> weights,
                              std::span<double> sum) {
  switch (streams.dtype) {
    case Dtype::f32:
      return mix_all(streams.models, weights, sum, ReadF32{});
    case Dtype::bf16:
      return mix_all(streams.models, weights, sum, ReadBf16{});
    case Dtype::f16:
      return mix_all(streams.models, weights, sum, ReadF16{});
    default:
      assert(streams.dtype == Dtype::f64);
      return mix_all(streams.models, weights, sum, ReadF64{});
  }
}

STOCKPOT_PER_ISA void round(std::span<const double> values, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(values[i]);
}

STOCKPOT_PER_ISA void add_products(const Streams& streams, std::span<const float> g,
                                   std::span<double> sums) {
  switch (streams.dtype) {
    case Dtype::f32:
      return all_products(streams.models, g, sums, ReadF32{});
    case Dtype::bf16:
      return all_products(streams.models, g, sums, ReadBf16{});
    case Dtype::f16:
      return all_products(streams.models, g, sums, ReadF16{});
    default:
      assert(streams.dtype == Dtype::f64);
      return all_products(streams.models, g, sums, ReadF64{});
  }
}

}  // namespace stockpot::blend_kernels
