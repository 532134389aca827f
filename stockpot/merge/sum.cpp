#include "stockpot/merge/sum.h"

#include <algorithm>
#include <cassert>

#include "stockpot/merge/kernels.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {
namespace {

using Values = std::span<double>;

// The part of a whole tensor's numbers that a tile covers.
template <typename Vector>
auto part(Vector& all, const Tile& tile) {
  return std::span(all).subspan(static_cast<std::size_t>(tile.first),
                                static_cast<std::size_t>(tile.count));
}

// sum (and its low half, for fp64 tensors) += sign * the model's values.
void add_tile(const Checkpoint& model, const Tile& tile, double sign, Values sum, Values low) {
  const TensorView& tensor = model.tensors()[tile.tensor];
  const auto bytes = tensor.bytes.subspan(byte_count(tensor.dtype, tile.first));
  switch (tensor.dtype) {
    case Dtype::f16:
      return merge_kernels::add_f16(sum, bytes, sign);
    case Dtype::bf16:
      return merge_kernels::add_bf16(sum, bytes, sign);
    case Dtype::f32:
      return merge_kernels::add_f32(sum, bytes, sign);
    default:
      break;
  }
  assert(tensor.dtype == Dtype::f64);  // require_averageable()
  TileBuffer buffer;
  const Values x(buffer.data(), sum.size());
  read_values(tensor, tile.first, x);
  if (sign < 0) merge_kernels::negate(x);
  merge_kernels::add_exactly(sum, low, x);
}

void divide_tile(Values sum, Values low, int count) {
  if (low.empty())
    merge_kernels::divide(sum, count);
  else
    merge_kernels::divide_exactly(sum, low, count);
}

}  // namespace

void ModelSum::start(const Checkpoint& model) {
  require_averageable(model);
  require_finite(model);
  entries_.clear();
  for (const TensorView& tensor : model.tensors()) {
    Entry entry;
    entry.like = {tensor.name, tensor.dtype, tensor.shape, {}};
    const auto count = static_cast<std::size_t>(element_count(tensor.shape));
    if (!row(tensor.dtype).floating) {
      entry.constant.assign(tensor.bytes.begin(), tensor.bytes.end());
    } else {
      // The sum of one: from zero, -0 would become +0.
      entry.sum.resize(count);
      if (tensor.dtype == Dtype::f64) entry.low.resize(count);
    }
    entries_.push_back(std::move(entry));
  }
  for_each_tile(cut(model.tensors()), [&](const Tile& tile) {
    read_values(model.tensors()[tile.tensor], tile.first, part(entries_[tile.tensor].sum, tile));
  });
  first_ = model.path();
  count_ = 1;
}

void ModelSum::check(const Checkpoint& model) const {
  std::vector<TensorView> like;
  for (const Entry& entry : entries_) like.push_back(entry.like);
  require_alike(like, first_, model);
  require_finite(model);
}

void ModelSum::add(const Checkpoint& model) {
  if (count_ == 0) return start(model);
  accumulate(model, 1);
  ++count_;
}

void ModelSum::remove(const Checkpoint& model) {
  assert(count_ > 0);
  accumulate(model, -1);
  --count_;
}

void ModelSum::accumulate(const Checkpoint& model, double sign) {
  check(model);
  for_each_tile(cut(model.tensors()), [&](const Tile& tile) {
    Entry& entry = entries_[tile.tensor];
    const Values low = entry.low.empty() ? Values() : part(entry.low, tile);
    add_tile(model, tile, sign, part(entry.sum, tile), low);
  });
}

std::vector<OwnedTensor> ModelSum::mean() const {
  assert(count_ > 0);
  return rounded_mean(nullptr);
}

std::vector<OwnedTensor> ModelSum::mean_with(const Checkpoint& model) const {
  if (count_ == 0) {
    ModelSum alone;
    alone.add(model);
    return alone.mean();
  }
  check(model);
  return rounded_mean(&model);
}

std::vector<OwnedTensor> ModelSum::rounded_mean(const Checkpoint* extra) const {
  std::vector<TensorView> like;
  for (const Entry& entry : entries_) like.push_back(entry.like);
  const auto constants = [&](std::size_t index) { return std::span(entries_[index].constant); };
  return build(like, constants, [&](const Tile& tile, Values sum) {
    const Entry& entry = entries_[tile.tensor];
    std::ranges::copy(part(entry.sum, tile), sum.begin());
    TileBuffer buffer;
    const Values low(buffer.data(), entry.low.empty() ? 0 : sum.size());
    if (!low.empty()) std::ranges::copy(part(entry.low, tile), low.begin());
    if (extra != nullptr) add_tile(*extra, tile, 1, sum, low);
    divide_tile(sum, low, count_ + (extra != nullptr ? 1 : 0));
  });
}

}  // namespace stockpot
