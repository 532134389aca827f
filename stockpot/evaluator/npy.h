// Arrays as numpy.save writes them (NEP 1), versions 1 to 3: row-major, little-endian booleans,
// integers and floats.
#pragma once

#include <cstdint>
#include <vector>

#include "stockpot/base/file.h"

namespace stockpot {

struct NpyArray {
  std::vector<std::int64_t> shape;
  std::vector<double> values;  // row-major
};

// Throws FormatError naming the file: not an array, another type or order, more or fewer bytes
// than the shape says, more than `limit` values.
NpyArray read_npy(const fs::path& file, std::int64_t limit);

}  // namespace stockpot
