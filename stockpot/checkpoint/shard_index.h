// The index of a checkpoint in several files: model.safetensors.index.json and
// pytorch_model.bin.index.json.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "stockpot/base/file.h"

namespace stockpot {

struct ShardIndex {
  std::unordered_map<std::string, std::string> shard_of;  // tensor -> file beside the index
  std::optional<std::string> total_size;                  // as the index writes the number
  std::optional<double> total_size_value;
};

// Throws FormatError: no weight_map, one that is empty or not of strings, a shard name that
// leaves the folder.
ShardIndex read_shard_index(const fs::path& index);

}  // namespace stockpot
