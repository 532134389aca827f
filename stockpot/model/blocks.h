// Loops over blocks of work on LibTorch's own threads. Another pool would compete with it: its
// threads keep spinning on their cores for a while after each operator.
#pragma once

#include <ATen/Parallel.h>

#include <atomic>
#include <cstdint>

namespace stockpot {

// Calls body(block) for 0..count-1, handed out in order to whichever thread is free. Blocks
// must not depend on the number of threads, so that results do not either.
template <typename Body>
void for_blocks(std::int64_t count, const Body& body) {
  std::atomic<std::int64_t> next = 0;
  const auto work = [&](std::int64_t, std::int64_t) {
    for (std::int64_t block; (block = next.fetch_add(1)) < count;) body(block);
  };
  const std::int64_t threads = std::min<std::int64_t>(at::get_num_threads(), count);
  at::parallel_for(0, threads, 1, work);
}

}  // namespace stockpot
