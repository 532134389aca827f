// The element types of tensors on disk: one table, in the order that the safetensors
// writer sorts by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace stockpot {

// clang-format off
enum class Dtype : std::uint8_t {
  boolean, f4, f6_e2m3, f6_e3m2, u8, i8, f8_e5m2, f8_e4m3, f8_e8m0, f8_e4m3fnuz, f8_e5m2fnuz,
  i16, u16, f16, bf16, i32, u32, f32, c64, f64, i64, u64,
};
// clang-format on

struct DtypeRow {
  Dtype dtype;
  std::string_view safetensors;  // the name in a safetensors header
  int bits;                      // per element
  bool floating;                 // averaged by merges; integers and bools never are
};

inline constexpr DtypeRow kDtypes[] = {
    {Dtype::boolean, "BOOL", 8, false},
    {Dtype::f4, "F4", 4, true},
    {Dtype::f6_e2m3, "F6_E2M3", 6, true},
    {Dtype::f6_e3m2, "F6_E3M2", 6, true},
    {Dtype::u8, "U8", 8, false},
    {Dtype::i8, "I8", 8, false},
    {Dtype::f8_e5m2, "F8_E5M2", 8, true},
    {Dtype::f8_e4m3, "F8_E4M3", 8, true},
    {Dtype::f8_e8m0, "F8_E8M0", 8, true},
    {Dtype::f8_e4m3fnuz, "F8_E4M3FNUZ", 8, true},
    {Dtype::f8_e5m2fnuz, "F8_E5M2FNUZ", 8, true},
    {Dtype::i16, "I16", 16, false},
    {Dtype::u16, "U16", 16, false},
    {Dtype::f16, "F16", 16, true},
    {Dtype::bf16, "BF16", 16, true},
    {Dtype::i32, "I32", 32, false},
    {Dtype::u32, "U32", 32, false},
    {Dtype::f32, "F32", 32, true},
    {Dtype::c64, "C64", 64, true},
    {Dtype::f64, "F64", 64, true},
    {Dtype::i64, "I64", 64, false},
    {Dtype::u64, "U64", 64, false},
};

constexpr const DtypeRow& row(Dtype dtype) { return kDtypes[static_cast<std::size_t>(dtype)]; }

constexpr bool dtype_table_is_in_order() {
  for (std::size_t i = 0; i < std::size(kDtypes); ++i)
    if (static_cast<std::size_t>(kDtypes[i].dtype) != i) return false;
  return true;
}
static_assert(dtype_table_is_in_order(), "kDtypes must be in enum order");

// Whether read_values() knows the type: all but the complex ones and those smaller than a byte.
constexpr bool has_numbers(Dtype dtype) { return row(dtype).bits >= 8 && dtype != Dtype::c64; }

// Whether merges average it as it is.
constexpr bool can_be_averaged(Dtype dtype) {
  return dtype == Dtype::f16 || dtype == Dtype::bf16 || dtype == Dtype::f32 || dtype == Dtype::f64;
}

// "BF16" -> Dtype::bf16; nothing for an unknown name.
constexpr std::optional<Dtype> dtype_from_safetensors(std::string_view name) {
  for (const DtypeRow& entry : kDtypes)
    if (entry.safetensors == name) return entry.dtype;
  return std::nullopt;
}

}  // namespace stockpot
