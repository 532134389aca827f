#include "stockpot/checkpoint/tensor.h"

#include <cassert>
#include <limits>
#include <type_traits>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/convert_kernels.h"
#include "stockpot/checkpoint/float_bits.h"

namespace stockpot {

std::int64_t element_count(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

std::size_t byte_count(Dtype dtype, std::int64_t elements) {
  return static_cast<std::size_t>(elements) * static_cast<std::size_t>(row(dtype).bits) / 8;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

namespace {

template <typename Stored, typename Out>
void convert_elements(std::span<const std::byte> from, std::span<Out> to) {
  for (std::size_t i = 0; i < to.size(); ++i)
    to[i] = static_cast<Out>(load<Stored>(from.data(), i));
}

template <typename Out>
void convert_8_bits(std::span<const std::byte> from, float (*decode)(std::uint8_t),
                    std::span<Out> to) {
  for (std::size_t i = 0; i < to.size(); ++i)
    to[i] = decode(std::to_integer<std::uint8_t>(from[i]));
}

template <typename Out>
void read_range(const TensorView& tensor, std::int64_t first, std::span<Out> out) {
  // Empty ranges may have no address at all.
  if (out.empty()) return;
  const std::size_t begin = byte_count(tensor.dtype, first);
  assert(begin + byte_count(tensor.dtype, static_cast<std::int64_t>(out.size())) <=
         tensor.bytes.size());
  const std::span<const std::byte> from = tensor.bytes.subspan(begin);
  switch (tensor.dtype) {
    case Dtype::boolean:
    case Dtype::u8:
      return convert_elements<std::uint8_t>(from, out);
    case Dtype::i8:
      return convert_elements<std::int8_t>(from, out);
    case Dtype::i16:
      return convert_elements<std::int16_t>(from, out);
    case Dtype::u16:
      return convert_elements<std::uint16_t>(from, out);
    case Dtype::i32:
      return convert_elements<std::int32_t>(from, out);
    case Dtype::u32:
      return convert_elements<std::uint32_t>(from, out);
    case Dtype::i64:
      return convert_elements<std::int64_t>(from, out);
    case Dtype::u64:
      return convert_elements<std::uint64_t>(from, out);
    case Dtype::f8_e5m2:
      return convert_8_bits(from, from_f8_e5m2, out);
    case Dtype::f8_e4m3:
      return convert_8_bits(from, from_f8_e4m3, out);
    case Dtype::f8_e8m0:
      return convert_8_bits(from, from_f8_e8m0, out);
    case Dtype::f8_e4m3fnuz:
      return convert_8_bits(from, from_f8_e4m3fnuz, out);
    case Dtype::f8_e5m2fnuz:
      return convert_8_bits(from, from_f8_e5m2fnuz, out);
    case Dtype::f16:
      return widen_f16(from, out);
    case Dtype::bf16:
      return widen_bf16(from, out);
    case Dtype::f32:
      if constexpr (std::is_same_v<Out, float>) {
        std::memcpy(out.data(), from.data(), out.size_bytes());
        return;
      } else {
        return widen_f32(from, out);
      }
    case Dtype::f64:
      return convert_elements<double>(from, out);
    case Dtype::f4:
    case Dtype::f6_e2m3:
    case Dtype::f6_e3m2:
    case Dtype::c64:
      break;
  }
  throw FormatError("tensor '" + printable(tensor.name) + "' has the type " +
                    std::string(row(tensor.dtype).safetensors) +
                    ", whose values cannot be read as numbers here; convert it to F32 first");
}

template <typename In>
void write_range(std::span<const In> values, Dtype dtype, std::span<std::byte> bytes) {
  assert(bytes.size() == byte_count(dtype, static_cast<std::int64_t>(values.size())));
  if (values.empty()) return;
  switch (dtype) {
    case Dtype::f16:
      return narrow_f16(values, bytes);
    case Dtype::bf16:
      return narrow_bf16(values, bytes);
    case Dtype::f32:
      if constexpr (std::is_same_v<In, double>)
        narrow_f32(values, bytes);
      else
        std::memcpy(bytes.data(), values.data(), values.size_bytes());
      return;
    case Dtype::f64:
      for (std::size_t i = 0; i < values.size(); ++i)
        store(bytes.data(), i, static_cast<double>(values[i]));
      return;
    default:
      throw FormatError("values cannot be written as " + std::string(row(dtype).safetensors) +
                        "; known: F16, BF16, F32, F64");
  }
}

}  // namespace

void read_values(const TensorView& tensor, std::span<float> out) { read_range(tensor, 0, out); }
void read_values(const TensorView& tensor, std::span<double> out) { read_range(tensor, 0, out); }
void read_values(const TensorView& tensor, std::int64_t first, std::span<float> out) {
  read_range(tensor, first, out);
}
void read_values(const TensorView& tensor, std::int64_t first, std::span<double> out) {
  read_range(tensor, first, out);
}

std::vector<float> float_values(const TensorView& tensor) {
  std::vector<float> values(static_cast<std::size_t>(element_count(tensor.shape)));
  read_values(tensor, values);
  return values;
}

void write_values(std::span<const double> values, Dtype dtype, std::span<std::byte> bytes) {
  write_range(values, dtype, bytes);
}
void write_values(std::span<const float> values, Dtype dtype, std::span<std::byte> bytes) {
  write_range(values, dtype, bytes);
}

double overflow_limit(Dtype dtype) {
  switch (dtype) {
    case Dtype::f16:
      return 65520;
    case Dtype::bf16:
      return 0x1.ffp127;
    case Dtype::f32:
      return 0x1.ffffffp127;
    default:
      return std::numeric_limits<double>::infinity();
  }
}

std::span<const std::byte> part_of(const TensorView& tensor, std::int64_t first,
                                   std::int64_t count) {
  return tensor.bytes.subspan(byte_count(tensor.dtype, first), byte_count(tensor.dtype, count));
}

OwnedTensor make_tensor(std::string name, Dtype dtype, Shape shape, std::span<const float> values) {
  assert(static_cast<std::int64_t>(values.size()) == element_count(shape));
  OwnedTensor tensor{std::move(name), dtype, std::move(shape), {}};
  tensor.bytes.resize(byte_count(dtype, static_cast<std::int64_t>(values.size())));
  write_values(values, dtype, tensor.bytes);
  return tensor;
}

}  // namespace stockpot
