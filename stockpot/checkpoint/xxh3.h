// XXH3 with 128 bits (xxhash), in the fastest form that the processor has: the library's own
// choice is made when it is compiled, for the oldest processor. Private to content_hash.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stockpot::xxh3 {

struct Functions {
  void (*once)(const void* bytes, std::size_t count, std::uint64_t out[2]);  // low, high
  void* (*create)();
  void (*destroy)(void* state);
  void (*reset)(void* state);
  void (*update)(void* state, const void* bytes, std::size_t count);
  void (*digest)(const void* state, std::uint64_t out[2]);
};

extern const Functions baseline;
extern const Functions avx2;  // the same as baseline where the compiler has no AVX2

const Functions& functions();

}  // namespace stockpot::xxh3
