#include "stockpot/checkpoint/content_hash.h"

#include <algorithm>
#include <new>

#include "stockpot/base/file.h"
#include "stockpot/base/threads.h"
#include "stockpot/checkpoint/xxh3.h"

namespace stockpot {
namespace {

// Fixed-width little-endian text, so that the hash is the same on every machine.
void append(std::string& text, std::uint64_t number) {
  for (int i = 0; i < 8; ++i) text += static_cast<char>(number >> (8 * i) & 0xff);
}

void append(std::string& text, const Hash128& hash) {
  append(text, hash.low);
  append(text, hash.high);
}

Hash128 hash_text(const std::string& text) { return hash_bytes(std::as_bytes(std::span(text))); }

}  // namespace

std::string Hash128::hex() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint64_t half : {high, low})
    for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[half >> shift & 15];
  return text;
}

Hash128 hash_bytes(std::span<const std::byte> bytes) {
  std::uint64_t halves[2];
  xxh3::functions().once(bytes.data(), bytes.size(), halves);
  return {halves[0], halves[1]};
}

BlockHasher::BlockHasher() : state_(xxh3::functions().create()) {
  if (state_ == nullptr) throw std::bad_alloc();
  xxh3::functions().reset(state_);
}

BlockHasher::~BlockHasher() { xxh3::functions().destroy(state_); }

void BlockHasher::add(std::span<const std::byte> bytes) {
  xxh3::functions().update(state_, bytes.data(), bytes.size());
}

Hash128 BlockHasher::take() {
  std::uint64_t halves[2];
  xxh3::functions().digest(state_, halves);
  xxh3::functions().reset(state_);
  return {halves[0], halves[1]};
}

Hash128 tensor_hash(std::span<const Hash128> blocks, std::uint64_t bytes) {
  std::string text;
  append(text, bytes);
  for (const Hash128& block : blocks) append(text, block);
  return hash_text(text);
}

std::string model_hash(std::vector<HashedTensor> tensors) {
  std::ranges::sort(tensors, {}, &HashedTensor::name);
  std::string text;
  for (const HashedTensor& tensor : tensors) {
    append(text, tensor.name.size());
    text += tensor.name;
    const std::string_view dtype = row(tensor.dtype).safetensors;
    append(text, dtype.size());
    text += dtype;
    append(text, tensor.shape.size());
    for (const std::int64_t size : tensor.shape) append(text, static_cast<std::uint64_t>(size));
    append(text, tensor.hash);
  }
  return "xxh3-128:" + hash_text(text).hex();
}

namespace {

// A stretch's pages once more: the kernel maps neighbours of what is read, of blocks behind, too.
constexpr std::int64_t kStretch = 16 * kHashBlock;

}  // namespace

// One loop over the blocks of all tensors: most tensors are too short to be worth threads of their
// own.
std::vector<HashedTensor> hash_tensors(std::span<const TensorView> tensors) {
  std::vector<std::vector<Hash128>> hashes;                  // by tensor and block
  std::vector<std::pair<std::size_t, std::int64_t>> blocks;  // tensor, first element
  for (const TensorView& tensor : tensors) {
    const std::int64_t elements = element_count(tensor.shape);
    for (std::int64_t begin = 0; begin < elements; begin += kHashBlock)
      blocks.emplace_back(hashes.size(), begin);
    hashes.emplace_back(static_cast<std::size_t>((elements + kHashBlock - 1) / kHashBlock));
  }
  parallel_for(static_cast<std::int64_t>(blocks.size()), 1, [&](std::int64_t at, std::int64_t) {
    const auto [i, begin] = blocks[static_cast<std::size_t>(at)];
    const std::int64_t left = element_count(tensors[i].shape) - begin;
    const auto block = part_of(tensors[i], begin, std::min(kHashBlock, left));
    hashes[i][static_cast<std::size_t>(begin / kHashBlock)] = hash_bytes(block);
    release_pages(block);
    if (begin > 0 && begin % kStretch == 0)
      release_pages(part_of(tensors[i], begin - kStretch, kStretch));
    if (begin == 0 && i > 0) release_pages(tensors[i - 1].bytes, kNeighbours);
  });
  std::vector<HashedTensor> result;
  for (std::size_t i = 0; i < tensors.size(); ++i)
    result.push_back({tensors[i].name, tensors[i].dtype, tensors[i].shape,
                      tensor_hash(hashes[i], tensors[i].bytes.size())});
  if (!tensors.empty()) release_pages(tensors.back().bytes, kNeighbours);
  return result;
}

HashedTensor hash_tensor(const TensorView& tensor) { return hash_tensors({&tensor, 1}).front(); }

std::vector<HashedTensor> hash_tensors(const Checkpoint& model) {
  return hash_tensors(std::span(model.tensors()));
}

std::string content_hash(const Checkpoint& model) { return model_hash(hash_tensors(model)); }

}  // namespace stockpot
