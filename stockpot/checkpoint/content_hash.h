// What a tensor or a model holds, as a short text: the same for every container and file name.
//
// The hash is XXH3 with 128 bits (xxhash), over blocks of 65,536 elements and then over their
// hashes, so that it keeps up with reading and runs on several threads. It tells models apart and
// finds changes by accident; it does not withstand somebody who forges (SHA-256 of whole files
// does, at a tenth of the speed: `verify --sha256`).
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stockpot/checkpoint/checkpoint.h"

namespace stockpot {

struct Hash128 {
  std::uint64_t low = 0, high = 0;
  bool operator==(const Hash128&) const = default;
  auto operator<=>(const Hash128&) const = default;
  std::string hex() const;  // 32 digits
};

inline constexpr std::int64_t kHashBlock = 65'536;  // elements

Hash128 hash_bytes(std::span<const std::byte> bytes);

// The same for bytes that come in pieces.
class BlockHasher {
 public:
  BlockHasher();
  ~BlockHasher();
  BlockHasher(const BlockHasher&) = delete;
  void add(std::span<const std::byte> bytes);
  Hash128 take();  // the hash so far; starts again from nothing

 private:
  void* state_;
};

// From the hashes of a tensor's blocks, in order; `bytes` is its length.
Hash128 tensor_hash(std::span<const Hash128> blocks, std::uint64_t bytes);
// From names, types, shapes and the tensors' hashes, in the order of the names. `xxh3-128:<hex>`.
struct HashedTensor {
  std::string name;
  Dtype dtype = Dtype::f32;
  Shape shape;
  Hash128 hash;
};
std::string model_hash(std::vector<HashedTensor> tensors);

// Reads everything, on several threads, and lets go of the pages behind itself.
HashedTensor hash_tensor(const TensorView& tensor);
std::vector<HashedTensor> hash_tensors(std::span<const TensorView> tensors);
std::vector<HashedTensor> hash_tensors(const Checkpoint& model);
std::string content_hash(const Checkpoint& model);

}  // namespace stockpot
