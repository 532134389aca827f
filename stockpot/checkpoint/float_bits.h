// The bit patterns of 16- and 8-bit floats. Branch-free, so that loops over the 16-bit ones
// become vector code, and always inlined, so that each version of a kernel (base/isa.h) has
// its own.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

namespace stockpot {

// An element of a buffer that need not be aligned.
template <typename T>
[[gnu::always_inline]] inline T load(const std::byte* from, std::size_t index) {
  T value;
  std::memcpy(&value, from + index * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
[[gnu::always_inline]] inline void store(std::byte* to, std::size_t index, T value) {
  std::memcpy(to + index * sizeof(T), &value, sizeof(T));
}

// IEEE binary16, exactly. Subnormals come from an integer conversion and not from a
// multiplication of subnormal floats, which is slow and wrong under flush-to-zero.
[[gnu::always_inline]] inline float from_f16(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000u) << 16;
  const std::uint32_t magnitude = half & 0x7fffu;
  const std::uint32_t subnormal =
      std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<int>(magnitude)) * 0x1p-24f);
  const std::uint32_t normal = (magnitude << 13) + (112u << 23);
  const std::uint32_t special = (magnitude << 13) | 0x7f800000u;  // Inf and NaN
  const std::uint32_t finite = magnitude < 0x400u ? subnormal : normal;
  return std::bit_cast<float>(sign | (magnitude < 0x7c00u ? finite : special));
}

[[gnu::always_inline]] inline float from_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

// Rounds to nearest even into a 16-bit float, from double in one step (by way of float, ties
// would be rounded twice). Adding 2^(e + 52 - mantissa) to a number of exponent e makes the
// adder itself round at the wanted bit; a carry runs into the exponent as it should.
template <int kMantissaBits, int kMinExponent>
[[gnu::always_inline]] inline std::uint16_t round_to_16_bits(double value) {
  constexpr std::uint64_t kDoubleBias = 1023;
  constexpr std::uint64_t kLowest = kDoubleBias + kMinExponent;
  constexpr std::uint64_t kInfinity = ((1u << (15 - kMantissaBits)) - 1u) << kMantissaBits;
  constexpr std::uint64_t kOverflow = (kDoubleBias + 2 - kMinExponent) << 52;  // 2^(max + 1)
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t magnitude = bits & 0x7fffffffffffffffu;
  const std::uint64_t sign = (bits >> 48) & 0x8000u;
  const std::uint64_t own = magnitude >> 52;
  const std::uint64_t exponent = own < kLowest ? kLowest : own;
  const std::uint64_t anchor = (exponent + 52 - kMantissaBits) << 52;
  const double sum = std::bit_cast<double>(magnitude) + std::bit_cast<double>(anchor);
  const std::uint64_t finite =
      ((exponent - kLowest) << kMantissaBits) + (std::bit_cast<std::uint64_t>(sum) - anchor);
  const std::uint64_t quiet_nan = kInfinity | (1u << (kMantissaBits - 1));
  const std::uint64_t special = magnitude > 0x7ff0000000000000u ? quiet_nan : kInfinity;
  return static_cast<std::uint16_t>(sign | (magnitude < kOverflow ? finite : special));
}

[[gnu::always_inline]] inline std::uint16_t to_f16(double value) {
  return round_to_16_bits<10, -14>(value);
}

[[gnu::always_inline]] inline std::uint16_t to_bf16(double value) {
  return round_to_16_bits<7, -126>(value);
}

// An 8-bit float of the given layout without its special values.
template <int kMantissaBits, int kBias>
inline float from_8_bits(std::uint8_t bits) {
  const int exponent = (bits & 0x7f) >> kMantissaBits;
  const int mantissa = bits & ((1 << kMantissaBits) - 1);
  const int significand = exponent == 0 ? mantissa : mantissa + (1 << kMantissaBits);
  // 2^(exponent - bias - mantissa bits) is a normal float for all these layouts.
  const int power = (exponent == 0 ? 1 : exponent) - kBias - kMantissaBits;
  const float scale = std::bit_cast<float>(static_cast<std::uint32_t>(127 + power) << 23);
  const float value = static_cast<float>(significand) * scale;
  return bits & 0x80 ? -value : value;
}

inline float from_f8_e5m2(std::uint8_t bits) {
  return from_f16(static_cast<std::uint16_t>(bits << 8));
}

inline float from_f8_e4m3(std::uint8_t bits) {  // "fn": no Inf, one NaN
  return (bits & 0x7f) == 0x7f ? std::numeric_limits<float>::quiet_NaN() : from_8_bits<3, 7>(bits);
}

inline float from_f8_e4m3fnuz(std::uint8_t bits) {  // no Inf, no -0, whose place is NaN
  return bits == 0x80 ? std::numeric_limits<float>::quiet_NaN() : from_8_bits<3, 8>(bits);
}

inline float from_f8_e5m2fnuz(std::uint8_t bits) {
  return bits == 0x80 ? std::numeric_limits<float>::quiet_NaN() : from_8_bits<2, 16>(bits);
}

inline float from_f8_e8m0(std::uint8_t bits) {  // a power of two: 2^(bits - 127)
  if (bits == 0xff) return std::numeric_limits<float>::quiet_NaN();
  return bits == 0 ? 0x1p-127f : std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 23);
}

// Element i of unaligned stored floats, as arguments of kernel templates. Objects and not lambdas:
// a lambda is compiled for the baseline only (base/isa.h).
struct ReadF16 {
  static constexpr std::size_t kBytes = 2;
  [[gnu::always_inline]] double operator()(const std::byte* x, std::size_t i) const {
    return from_f16(load<std::uint16_t>(x, i));
  }
};
struct ReadBf16 {
  static constexpr std::size_t kBytes = 2;
  [[gnu::always_inline]] double operator()(const std::byte* x, std::size_t i) const {
    return from_bf16(load<std::uint16_t>(x, i));
  }
};
struct ReadF32 {
  static constexpr std::size_t kBytes = 4;
  [[gnu::always_inline]] double operator()(const std::byte* x, std::size_t i) const {
    return load<float>(x, i);
  }
};

}  // namespace stockpot
