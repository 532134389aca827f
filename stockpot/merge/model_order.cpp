#include "stockpot/merge/model_order.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "stockpot/checkpoint/content_hash.h"

namespace stockpot {
namespace {

constexpr std::size_t kSampleBytes = 4096;

}  // namespace

std::uint64_t model_key(const Checkpoint& model) {
  std::vector<HashedTensor> sample;
  for (const TensorView& tensor : model.tensors()) {
    const auto start = tensor.bytes.first(std::min(kSampleBytes, tensor.bytes.size()));
    sample.push_back({tensor.name, tensor.dtype, tensor.shape, hash_bytes(start)});
    release_pages(start, kNeighbours);
  }
  const std::string hash = model_hash(std::move(sample));
  return hash_bytes(std::as_bytes(std::span(hash))).low;
}

std::vector<std::size_t> canonical_order(const std::vector<Checkpoint>& models,
                                         const std::vector<std::uint64_t>& keys) {
  std::map<std::uint64_t, int> seen;
  for (const std::uint64_t key : keys) ++seen[key];
  std::vector<std::pair<std::uint64_t, std::string>> place;
  for (std::size_t i = 0; i < models.size(); ++i)
    place.emplace_back(keys[i], seen[keys[i]] > 1 ? content_hash(models[i]) : "");
  std::vector<std::size_t> order(models.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return place[i]; });
  return order;
}

}  // namespace stockpot
