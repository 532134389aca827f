// One form of the functions of xxh3.h, named by STOCKPOT_XXH3_FORM.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "stockpot/checkpoint/xxh3.h"

namespace stockpot::xxh3 {
namespace {

void put(XXH128_hash_t hash, std::uint64_t out[2]) {
  out[0] = hash.low64;
  out[1] = hash.high64;
}

void once(const void* bytes, std::size_t count, std::uint64_t out[2]) {
  put(XXH3_128bits(bytes, count), out);
}

void* create() { return XXH3_createState(); }
void destroy(void* state) { XXH3_freeState(static_cast<XXH3_state_t*>(state)); }
void reset(void* state) { XXH3_128bits_reset(static_cast<XXH3_state_t*>(state)); }

void update(void* state, const void* bytes, std::size_t count) {
  XXH3_128bits_update(static_cast<XXH3_state_t*>(state), bytes, count);
}

void digest(const void* state, std::uint64_t out[2]) {
  put(XXH3_128bits_digest(static_cast<const XXH3_state_t*>(state)), out);
}

}  // namespace

extern const Functions STOCKPOT_XXH3_FORM;
const Functions STOCKPOT_XXH3_FORM{once, create, destroy, reset, update, digest};

}  // namespace stockpot::xxh3
