// The floating-point tensors of a model cut into tiles, so that threads share the work
// evenly, buffers stay in the cache and nothing depends on the number of threads.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "stockpot/checkpoint/checkpoint.h"

namespace stockpot {

inline constexpr std::int64_t kTileElements = 2048;
using TileBuffer = std::array<double, kTileElements>;

struct Tile {
  std::size_t tensor;  // index into the list that was cut
  std::int64_t first;  // element
  std::int64_t count;
};

std::vector<Tile> cut(const std::vector<TensorView>& tensors);

// body(tile) for each, on several threads.
void for_each_tile(const std::vector<Tile>& tiles, const std::function<void(const Tile&)>& body);

// Names, dtypes and shapes must agree, in types that can be averaged. Throws FormatError
// naming both files.
void require_alike(const std::vector<TensorView>& first, const fs::path& first_path,
                   const Checkpoint& model);
void require_averageable(const Checkpoint& model);
// Throws FormatError naming the tensors with NaN or Inf values.
void require_finite(const Checkpoint& model);

// New tensors like these: floating-point ones are filled tile by tile by fill(tile, values)
// and rounded once; the others take the bytes of constants(index). Throws FormatError when a
// value overflows the tensor's dtype.
std::vector<OwnedTensor> build(
    const std::vector<TensorView>& like,
    const std::function<std::span<const std::byte>(std::size_t index)>& constants,
    const std::function<void(const Tile&, std::span<double> values)>& fill);

}  // namespace stockpot
