#include "stockpot/merge/sum.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
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

std::vector<OwnedTensor> copy(const Checkpoint& model) {
  std::vector<OwnedTensor> tensors;
  for (const TensorView& tensor : model.tensors())
    tensors.push_back(
        {tensor.name, tensor.dtype, tensor.shape, {tensor.bytes.begin(), tensor.bytes.end()}});
  return tensors;
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
  if (count_ == 0) return uniform_average({model});
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

std::vector<OwnedTensor> uniform_average(const std::vector<Checkpoint>& models) {
  if (models.empty()) throw UsageError("an average needs at least one model");
  const Checkpoint& first = models.front();
  require_averageable(first);
  for (const Checkpoint& model : models) require_alike(first.tensors(), first.path(), model);

  const auto constants = [&](std::size_t index) { return first.tensors()[index].bytes; };
  const auto fill = [&](const Tile& tile, Values sum) {
    TileBuffer buffer;
    const bool wide = first.tensors()[tile.tensor].dtype == Dtype::f64;
    const Values low(buffer.data(), wide ? sum.size() : 0);
    std::ranges::fill(low, 0.0);
    read_values(first.tensors()[tile.tensor], tile.first, sum);
    for (std::size_t i = 1; i < models.size(); ++i) add_tile(models[i], tile, 1, sum, low);
    divide_tile(sum, low, static_cast<int>(models.size()));
  };
  try {
    return build(first.tensors(), constants, fill);
  } catch (const FormatError&) {
    // NaN and Inf survive every sum, so build() met them. Only now is it worth a second pass
    // over the files to say which file they are in.
    for (const Checkpoint& model : models) require_finite(model);
    throw;
  }
}

std::vector<OwnedTensor> interpolate(const Checkpoint& a, const Checkpoint& b, double alpha) {
  if (!std::isfinite(alpha))
    throw UsageError("alpha must be a finite number, is " + shortest(alpha));
  require_averageable(a);
  require_alike(a.tensors(), a.path(), b);
  require_finite(a);
  require_finite(b);
  if (alpha == 0) return copy(a);
  if (alpha == 1) return copy(b);
  const auto constants = [&](std::size_t index) { return a.tensors()[index].bytes; };
  return build(a.tensors(), constants, [&](const Tile& tile, Values values) {
    TileBuffer buffer;
    const Values other(buffer.data(), values.size());
    read_values(a.tensors()[tile.tensor], tile.first, values);
    read_values(b.tensors()[tile.tensor], tile.first, other);
    merge_kernels::mix(values, other, alpha);
  });
}

}  // namespace stockpot
