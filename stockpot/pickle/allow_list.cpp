#include "stockpot/pickle/allow_list.h"

#include <string>

namespace stockpot {
namespace {

struct Row {
  std::string_view module, name;
  Known known;
};

constexpr Row kRows[] = {
    {"collections", "OrderedDict", Known::ordered_dict},
    {"collections", "Counter", Known::counter},
    {"torch._utils", "_rebuild_tensor", Known::tensor_v1},
    {"torch._utils", "_rebuild_tensor_v2", Known::tensor_v2},
    {"torch._utils", "_rebuild_tensor_v3", Known::tensor_v3},
    {"torch._utils", "_rebuild_parameter", Known::parameter},
    {"torch._utils", "_rebuild_parameter_with_state", Known::parameter},
    {"torch.nn.parameter", "Parameter", Known::parameter_class},
    {"torch._tensor", "_rebuild_from_type_v2", Known::tensor_from_type},
    {"torch._utils", "_rebuild_sparse_tensor", Known::unsupported_tensor},
    {"torch._utils", "_rebuild_sparse_csr_tensor", Known::unsupported_tensor},
    {"torch._utils", "_rebuild_qtensor", Known::unsupported_tensor},
    {"torch._utils", "_rebuild_nested_tensor", Known::unsupported_tensor},
    {"torch._utils", "_rebuild_meta_tensor_no_storage", Known::unsupported_tensor},
    {"torch._utils", "_rebuild_wrapper_subclass", Known::unsupported_tensor},
    {"torch._utils", "_rebuild_device_tensor_from_numpy", Known::unsupported_tensor},
    {"torch._utils", "_rebuild_device_tensor_from_cpu_tensor", Known::unsupported_tensor},
    {"torch", "Tensor", Known::tensor_class},
    {"torch.storage", "UntypedStorage", Known::storage_class},
    {"torch", "Size", Known::torch_value},
    {"torch", "device", Known::torch_value},
    {"torch.serialization", "_get_layout", Known::torch_value},
    {"_codecs", "encode", Known::python_value},
    {"builtins", "bytearray", Known::python_value},
    {"builtins", "set", Known::python_value},
    {"builtins", "complex", Known::python_value},
    // Python 2's name, which pickle protocol 2 keeps to this day.
    {"__builtin__", "bytearray", Known::python_value},
    {"__builtin__", "set", Known::python_value},
    {"__builtin__", "complex", Known::python_value},
};

// Dtypes and quantization schemes, as words between spaces.
constexpr std::string_view kTorchValues =
    " bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 short int long half float double"
    " float16 float32 float64 bfloat16 complex32 complex64 complex128 float8_e4m3fn float8_e5m2"
    " float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 quint8 qint8 qint32 quint4x2"
    " quint2x4 per_tensor_affine per_tensor_symmetric per_channel_affine per_channel_symmetric"
    " per_channel_affine_float_qparams ";
constexpr std::string_view kStorages =
    " DoubleStorage FloatStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage"
    " CharStorage ByteStorage BoolStorage ComplexFloatStorage ComplexDoubleStorage QUInt8Storage"
    " QInt8Storage QInt32Storage QUInt4x2Storage QUInt2x4Storage UntypedStorage ";

bool has_word(std::string_view words, std::string_view word) {
  return !word.empty() && word.find(' ') == std::string_view::npos &&
         words.find(" " + std::string(word) + " ") != std::string_view::npos;
}

}  // namespace

Known known_global(std::string_view module, std::string_view name) {
  for (const Row& row : kRows)
    if (row.module == module && row.name == name) return row.known;
  if (module == "torch" && has_word(kStorages, name)) return Known::storage_class;
  if (module == "torch" && has_word(kTorchValues, name)) return Known::torch_value;
  return Known::none;
}

}  // namespace stockpot
