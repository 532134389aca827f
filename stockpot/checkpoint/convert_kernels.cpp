#include "stockpot/checkpoint/convert_kernels.h"

#include "stockpot/base/isa.h"
#include "stockpot/checkpoint/float_bits.h"
#include "stockpot/checkpoint/prefetch.h"

namespace stockpot {
namespace {

// Merges read a tile here, the same tile of other models, then the next one.
template <typename Read>
[[gnu::always_inline]] inline void widen(std::span<const std::byte> from, std::span<double> to,
                                         Read read) {
  constexpr std::size_t kGroup = 32;
  const std::size_t whole = to.size() / kGroup * kGroup;
  for (std::size_t i = 0; i < whole; i += kGroup) {
    ask_for<kGroup * Read::kBytes>(from.data() + (to.size() + i) * Read::kBytes);
    for (std::size_t j = i; j < i + kGroup; ++j) to[j] = read(from.data(), j);
  }
  for (std::size_t i = whole; i < to.size(); ++i) to[i] = read(from.data(), i);
}

}  // namespace

STOCKPOT_PER_ISA void widen_f16(std::span<const std::byte> from, std::span<float> to) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = from_f16(load<std::uint16_t>(from.data(), i));
}

STOCKPOT_PER_ISA void widen_f16(std::span<const std::byte> from, std::span<double> to) {
  widen(from, to, ReadF16{});
}

STOCKPOT_PER_ISA void widen_bf16(std::span<const std::byte> from, std::span<float> to) {
  for (std::size_t i = 0; i < to.size(); ++i)
    to[i] = from_bf16(load<std::uint16_t>(from.data(), i));
}

STOCKPOT_PER_ISA void widen_bf16(std::span<const std::byte> from, std::span<double> to) {
  widen(from, to, ReadBf16{});
}

STOCKPOT_PER_ISA void widen_f32(std::span<const std::byte> from, std::span<double> to) {
  widen(from, to, ReadF32{});
}

STOCKPOT_PER_ISA void narrow_f16(std::span<const float> from, std::span<std::byte> to) {
  for (std::size_t i = 0; i < from.size(); ++i) store(to.data(), i, to_f16(from[i]));
}

STOCKPOT_PER_ISA void narrow_f16(std::span<const double> from, std::span<std::byte> to) {
  for (std::size_t i = 0; i < from.size(); ++i) store(to.data(), i, to_f16(from[i]));
}

STOCKPOT_PER_ISA void narrow_bf16(std::span<const float> from, std::span<std::byte> to) {
  for (std::size_t i = 0; i < from.size(); ++i) store(to.data(), i, to_bf16(from[i]));
}

STOCKPOT_PER_ISA void narrow_bf16(std::span<const double> from, std::span<std::byte> to) {
  for (std::size_t i = 0; i < from.size(); ++i) store(to.data(), i, to_bf16(from[i]));
}

STOCKPOT_PER_ISA void narrow_f32(std::span<const double> from, std::span<std::byte> to) {
  for (std::size_t i = 0; i < from.size(); ++i) store(to.data(), i, static_cast<float>(from[i]));
}

}  // namespace stockpot
