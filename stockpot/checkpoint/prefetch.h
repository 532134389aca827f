// Bytes from memory before they are needed. Streams of checkpoints are read in tiles, in turns: the
// processor's own prefetching starts anew with every tile and waits for memory each time.
#pragma once

#include <cstddef>

namespace stockpot {

// Asks for kBytes from `x` on. Asking for what is past the end of a map does no harm.
template <std::size_t kBytes>
[[gnu::always_inline]] inline void ask_for(const std::byte* x) {
  constexpr std::size_t kLine = 64;
  for (std::size_t line = 0; line < kBytes; line += kLine) __builtin_prefetch(x + line, 0, 2);
}

}  // namespace stockpot
