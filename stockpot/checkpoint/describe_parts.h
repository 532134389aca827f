// The pieces of describe.h. Private to it.
#pragma once

#include <string>

#include "stockpot/checkpoint/describe.h"

namespace stockpot {

// A folder of several checkpoints (checkpoints_in()).
Json describe_collection(const fs::path& folder);
// One line each.
std::string collection_table(const Json::Array& checkpoints, std::size_t width);

// "F32 x 12, I64 x 3" from {name: count}.
std::string dtypes_text(const Json& dtypes);
// "[64, 3, 7, 7]".
std::string shape_text(const Json& shape);
std::string tensor_table(const Json::Array& tensors, std::size_t width);
// Tensors by block_of(); blocks that follow each other and are alike share a line.
std::string block_table(const Json::Array& tensors, std::size_t width);

}  // namespace stockpot
