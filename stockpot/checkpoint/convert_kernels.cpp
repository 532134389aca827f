#include "stockpot/checkpoint/convert_kernels.h"

#include "stockpot/base/isa.h"
#include "stockpot/checkpoint/float_bits.h"

namespace stockpot {

STOCKPOT_PER_ISA void widen_f16(std::span<const std::byte> from, std::span<float> to) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = from_f16(load<std::uint16_t>(from.data(), i));
}

STOCKPOT_PER_ISA void widen_f16(std::span<const std::byte> from, std::span<double> to) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = from_f16(load<std::uint16_t>(from.data(), i));
}

STOCKPOT_PER_ISA void widen_bf16(std::span<const std::byte> from, std::span<float> to) {
  for (std::size_t i = 0; i < to.size(); ++i)
    to[i] = from_bf16(load<std::uint16_t>(from.data(), i));
}

STOCKPOT_PER_ISA void widen_bf16(std::span<const std::byte> from, std::span<double> to) {
  for (std::size_t i = 0; i < to.size(); ++i)
    to[i] = from_bf16(load<std::uint16_t>(from.data(), i));
}

STOCKPOT_PER_ISA void widen_f32(std::span<const std::byte> from, std::span<double> to) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = load<float>(from.data(), i);
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
