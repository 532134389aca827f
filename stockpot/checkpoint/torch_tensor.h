// A tensor of a torch file: a strided view of a storage, decoded from the call that would
// rebuild it in Python, and its bytes in row-major order.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stockpot/checkpoint/tensor.h"
#include "stockpot/checkpoint/torch_storage.h"

namespace stockpot {

struct TorchTensor {
  std::size_t storage = 0;  // index into TorchStorages::all()
  Dtype dtype = Dtype::f32;
  Shape shape;
  std::vector<std::int64_t> strides;  // in elements
  std::uint64_t offset = 0;           // in elements

  std::uint64_t elements() const;
  // Whether its elements lie in the storage one after the other, in row-major order.
  bool contiguous() const;
  // The same bytes in the same shape: tied tensors compare equal.
  bool operator==(const TorchTensor&) const = default;
  auto operator<=>(const TorchTensor&) const = default;
};

// Decodes a value for which is_torch_tensor() holds. Throws FormatError naming `name`: what
// cannot be read (sparse, quantized, meta, nested, complex128, conjugated), arguments of a wrong
// kind, a view that leaves its storage, sizes that overflow, and views with more than 4 times
// the elements of their storage (expanded by stride 0).
TorchTensor decode_tensor(const PickleValue& value, const std::string& name,
                          const TorchStorages& storages, const fs::path& origin);

bool is_torch_tensor(const PickleValue& value);

// The bytes of a contiguous tensor, where they lie.
std::span<const std::byte> tensor_bytes(const TorchTensor& tensor, const TorchStorages& storages);

// Copies any tensor into row-major order; `swap` turns big-endian elements round.
std::vector<std::byte> gather_bytes(const TorchTensor& tensor, const TorchStorages& storages,
                                    bool swap);

}  // namespace stockpot
