// Where a candidate lies while it is evaluated: in memory, when there is a file system for it.
#pragma once

#include <cstdint>

#include "stockpot/base/file.h"

namespace stockpot {

// /dev/shm when it is a memory file system that we may write to and has `bytes` to spare, both
// there and in the machine's memory; empty otherwise.
fs::path ram_folder(std::uint64_t bytes);

}  // namespace stockpot
