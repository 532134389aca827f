#include "stockpot/merge/tiles.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/threads.h"
#include "stockpot/merge/kernels.h"

namespace stockpot {
namespace {

constexpr std::int64_t kTilesPerTask = 32;

std::string named(const std::string& name) { return "tensor '" + printable(name) + "'"; }

std::string type_and_shape(const TensorView& tensor) {
  return std::string(row(tensor.dtype).safetensors) + " " + to_string(tensor.shape);
}

}  // namespace

std::vector<Tile> cut(const std::vector<TensorView>& tensors) {
  std::vector<Tile> tiles;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!row(tensors[i].dtype).floating) continue;
    const std::int64_t count = element_count(tensors[i].shape);
    for (std::int64_t first = 0; first < count; first += kTileElements)
      tiles.push_back({i, first, std::min(kTileElements, count - first)});
  }
  return tiles;
}

void for_each_tile(const std::vector<Tile>& tiles, const std::function<void(const Tile&)>& body) {
  parallel_for(static_cast<std::int64_t>(tiles.size()), kTilesPerTask,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i)
                   body(tiles[static_cast<std::size_t>(i)]);
               });
}

void require_averageable(const Checkpoint& model) {
  for (const TensorView& tensor : model.tensors()) {
    if (row(tensor.dtype).floating && !can_be_averaged(tensor.dtype))
      throw FormatError(model.path(), named(tensor.name) + " has the type " +
                                          std::string(row(tensor.dtype).safetensors) +
                                          ", which is not supported for averaging (known: F16, "
                                          "BF16, F32, F64)");
  }
}

void require_alike(const std::vector<TensorView>& first, const fs::path& first_path,
                   const Checkpoint& model) {
  const std::vector<TensorView>& other = model.tensors();
  const std::string where = printable(first_path.native());
  for (std::size_t i = 0; i < std::max(first.size(), other.size()); ++i) {
    // Both lists are sorted by name: the lesser of two different names is missing in the other.
    if (i >= first.size() || (i < other.size() && other[i].name < first[i].name))
      throw FormatError(model.path(), named(other[i].name) + " is not in " + where);
    if (i >= other.size() || first[i].name < other[i].name)
      throw FormatError(model.path(), named(first[i].name) + " of " + where + " is missing");
    if (first[i].dtype != other[i].dtype || first[i].shape != other[i].shape)
      throw FormatError(model.path(), named(other[i].name) + " is " + type_and_shape(other[i]) +
                                          ", in " + where + " it is " + type_and_shape(first[i]));
  }
}

void require_finite(const Checkpoint& model) {
  std::vector<std::atomic<std::int64_t>> bad(model.tensors().size());
  for_each_tile(cut(model.tensors()), [&](const Tile& tile) {
    TileBuffer buffer;
    const std::span values(buffer.data(), static_cast<std::size_t>(tile.count));
    read_values(model.tensors()[tile.tensor], tile.first, values);
    if (std::isfinite(merge_kernels::largest_magnitude(values))) return;
    bad[tile.tensor] += std::count_if(values.begin(), values.end(),
                                      [](double value) { return !std::isfinite(value); });
  });
  std::string names;
  int listed = 0, tensors = 0;
  for (std::size_t i = 0; i < bad.size(); ++i) {
    if (bad[i] == 0) continue;
    if (++tensors > 3) continue;
    names += (listed++ == 0 ? "" : ", ") + named(model.tensors()[i].name) + " (" +
             std::to_string(bad[i]) + " of " +
             std::to_string(element_count(model.tensors()[i].shape)) + ")";
  }
  if (tensors > 0)
    throw FormatError(
        model.path(),
        "holds values that are NaN or Inf, in " + names +
            (tensors > listed ? " and " + std::to_string(tensors - listed) + " more tensors" : ""));
}

std::vector<OwnedTensor> build(
    const std::vector<TensorView>& like,
    const std::function<std::span<const std::byte>(std::size_t index)>& constants,
    const std::function<void(const Tile&, std::span<double> values)>& fill) {
  std::vector<OwnedTensor> result(like.size());
  parallel_for(static_cast<std::int64_t>(like.size()), 1, [&](std::int64_t begin, std::int64_t) {
    const auto i = static_cast<std::size_t>(begin);
    result[i] = {like[i].name, like[i].dtype, like[i].shape, {}};
    if (row(like[i].dtype).floating) {
      result[i].bytes.resize(byte_count(like[i].dtype, element_count(like[i].shape)));
    } else {
      const std::span<const std::byte> bytes = constants(i);
      result[i].bytes.assign(bytes.begin(), bytes.end());
    }
  });
  std::vector<std::atomic<bool>> overflow(like.size());
  for_each_tile(cut(like), [&](const Tile& tile) {
    TileBuffer buffer;
    const std::span values(buffer.data(), static_cast<std::size_t>(tile.count));
    fill(tile, values);
    const Dtype dtype = like[tile.tensor].dtype;
    if (!(merge_kernels::largest_magnitude(values) < overflow_limit(dtype)))
      overflow[tile.tensor] = true;
    write_values(values, dtype,
                 std::span(result[tile.tensor].bytes)
                     .subspan(byte_count(dtype, tile.first), byte_count(dtype, tile.count)));
  });
  for (std::size_t i = 0; i < like.size(); ++i)
    if (overflow[i])
      throw FormatError(named(like[i].name) + ": the result does not fit the type " +
                        std::string(row(like[i].dtype).safetensors));
  return result;
}

}  // namespace stockpot
