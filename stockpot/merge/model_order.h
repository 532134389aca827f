// An order of models that their contents decide, not the order of the command line.
#pragma once

#include <cstdint>
#include <vector>

#include "stockpot/checkpoint/checkpoint.h"

namespace stockpot {

// A number that follows from the model's names, shapes and values, read from the start of each
// tensor: models that differ further on only have the same one.
std::uint64_t model_key(const Checkpoint& model);

// The models by their keys, those of one key by their content hashes: an index into `models` at
// each place.
std::vector<std::size_t> canonical_order(const std::vector<Checkpoint>& models,
                                         const std::vector<std::uint64_t>& keys);

}  // namespace stockpot
