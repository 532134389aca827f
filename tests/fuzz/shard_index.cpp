#include "stockpot/checkpoint/shard_index.h"

#include "in_memory_file.h"
#include "stockpot/base/error.h"

using namespace stockpot;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const InMemoryFile input(data, size);
  try {
    for (const auto& [tensor, shard] : read_shard_index(input.path()).shard_of)
      if (shard.find('/') != std::string::npos) abort();  // a shard never leaves the folder
  } catch (const FormatError&) {
  }
  return 0;
}
