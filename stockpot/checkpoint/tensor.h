// A tensor on disk or in memory, without LibTorch: a name, a type, a shape and bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stockpot/checkpoint/dtype.h"

namespace stockpot {

using Shape = std::vector<std::int64_t>;

std::int64_t element_count(const Shape& shape);
std::size_t byte_count(Dtype dtype, std::int64_t elements);
std::string to_string(const Shape& shape);  // "[64, 3, 7, 7]"

// Bytes owned by somebody else (a mapped file, an OwnedTensor): row-major, little-endian,
// not necessarily aligned.
struct TensorView {
  std::string name;
  Dtype dtype = Dtype::f32;
  Shape shape;
  std::span<const std::byte> bytes;
};

// The bytes of `count` elements from `first` on.
std::span<const std::byte> part_of(const TensorView& tensor, std::int64_t first,
                                   std::int64_t count);

struct OwnedTensor {
  std::string name;
  Dtype dtype = Dtype::f32;
  Shape shape;
  std::vector<std::byte> bytes;

  TensorView view() const { return {name, dtype, shape, bytes}; }
};

// The values as float or double. f16, bf16, f32, f64 and the integer types convert; the
// 8-bit float types too. Throws FormatError naming the tensor for the sub-byte and complex
// types. out.size() must be the element count.
void read_values(const TensorView& tensor, std::span<float> out);
void read_values(const TensorView& tensor, std::span<double> out);
// The values first .. first + out.size() - 1 only: large tensors are worked on in pieces.
void read_values(const TensorView& tensor, std::int64_t first, std::span<float> out);
void read_values(const TensorView& tensor, std::int64_t first, std::span<double> out);
std::vector<float> float_values(const TensorView& tensor);

// Rounds to nearest even into dtype (f16, bf16, f32 or f64). bytes.size() must fit.
void write_values(std::span<const double> values, Dtype dtype, std::span<std::byte> bytes);
void write_values(std::span<const float> values, Dtype dtype, std::span<std::byte> bytes);
// The least magnitude that write_values() rounds to infinity; infinity for f64.
double overflow_limit(Dtype dtype);
OwnedTensor make_tensor(std::string name, Dtype dtype, Shape shape, std::span<const float> values);

}  // namespace stockpot
