// Loops between the stored float types and float or double: pure functions on spans, compiled
// once per instruction set. float_bits.h holds the scalar forms that they repeat.
// The stored side is raw bytes and may be unaligned; sizes must agree.
#pragma once

#include <cstddef>
#include <span>

namespace stockpot {

void widen_f16(std::span<const std::byte> from, std::span<float> to);
void widen_f16(std::span<const std::byte> from, std::span<double> to);
void widen_bf16(std::span<const std::byte> from, std::span<float> to);
void widen_bf16(std::span<const std::byte> from, std::span<double> to);
void widen_f32(std::span<const std::byte> from, std::span<double> to);

// Round to nearest even.
void narrow_f16(std::span<const float> from, std::span<std::byte> to);
void narrow_f16(std::span<const double> from, std::span<std::byte> to);
void narrow_bf16(std::span<const float> from, std::span<std::byte> to);
void narrow_bf16(std::span<const double> from, std::span<std::byte> to);
void narrow_f32(std::span<const double> from, std::span<std::byte> to);

}  // namespace stockpot
