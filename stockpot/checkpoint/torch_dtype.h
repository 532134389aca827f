// Element types under the names that torch gives them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "stockpot/checkpoint/dtype.h"

namespace stockpot {

// A storage class: torch.FloatStorage. Without a dtype here, its tensors cannot be read: the
// safetensors format, whose types these are, has no complex128 and nothing quantized.
struct TorchStorageRow {
  std::string_view name;
  std::optional<Dtype> dtype;
  std::uint64_t bytes;  // per element
};

inline constexpr TorchStorageRow kTorchStorages[] = {
    {"DoubleStorage", Dtype::f64, 8},
    {"FloatStorage", Dtype::f32, 4},
    {"HalfStorage", Dtype::f16, 2},
    {"BFloat16Storage", Dtype::bf16, 2},
    {"LongStorage", Dtype::i64, 8},
    {"IntStorage", Dtype::i32, 4},
    {"ShortStorage", Dtype::i16, 2},
    {"CharStorage", Dtype::i8, 1},
    {"ByteStorage", Dtype::u8, 1},
    {"BoolStorage", Dtype::boolean, 1},
    {"ComplexFloatStorage", Dtype::c64, 8},
    {"ComplexDoubleStorage", std::nullopt, 16},
    {"QUInt8Storage", std::nullopt, 1},
    {"QInt8Storage", std::nullopt, 1},
    {"QInt32Storage", std::nullopt, 4},
    {"QUInt4x2Storage", std::nullopt, 1},
    {"QUInt2x4Storage", std::nullopt, 1},
    {"UntypedStorage", std::nullopt, 1},  // the tensors say what the bytes are
};

constexpr const TorchStorageRow* torch_storage(std::string_view name) {
  for (const TorchStorageRow& entry : kTorchStorages)
    if (entry.name == name) return &entry;
  return nullptr;
}

// torch.float8_e4m3fn as a value, and the alias float of float32.
struct TorchDtypeRow {
  std::string_view name;
  Dtype dtype;
};

inline constexpr TorchDtypeRow kTorchDtypes[] = {
    {"float64", Dtype::f64},
    {"float32", Dtype::f32},
    {"float16", Dtype::f16},
    {"bfloat16", Dtype::bf16},
    {"int64", Dtype::i64},
    {"int32", Dtype::i32},
    {"int16", Dtype::i16},
    {"int8", Dtype::i8},
    {"uint8", Dtype::u8},
    {"uint16", Dtype::u16},
    {"uint32", Dtype::u32},
    {"uint64", Dtype::u64},
    {"bool", Dtype::boolean},
    {"complex64", Dtype::c64},
    {"float8_e5m2", Dtype::f8_e5m2},
    {"float8_e4m3fn", Dtype::f8_e4m3},
    {"float8_e8m0fnu", Dtype::f8_e8m0},
    {"float8_e4m3fnuz", Dtype::f8_e4m3fnuz},
    {"float8_e5m2fnuz", Dtype::f8_e5m2fnuz},
};

constexpr std::optional<Dtype> dtype_from_torch(std::string_view name) {
  for (const TorchDtypeRow& entry : kTorchDtypes)
    if (entry.name == name) return entry.dtype;
  return std::nullopt;
}

}  // namespace stockpot
