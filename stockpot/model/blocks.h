// Loops over blocks of work on LibTorch's own threads. Another pool would compete with it: its
// threads keep spinning on their cores for a while after each operator.
#pragma once

#include <cstdint>
#include <functional>

namespace stockpot {

// Calls body(block) for 0..count-1, handed out in order to whichever thread is free; a loop
// inside a loop runs on the thread that starts it. Blocks must not depend on the number of
// threads, so that results do not either, and use no operators of LibTorch. Throws what a body
// threw first.
void for_blocks(std::int64_t count, const std::function<void(std::int64_t)>& body);

// Calls body(i) for 0..count-1 side by side; the loops of for_blocks and for_ranges in a body run
// on all threads that have nothing better to do. For work of some hundred microseconds: threads
// wait for it in a loop. Bodies use no operators of LibTorch. Throws what a body threw first.
void for_teams(std::int64_t count, const std::function<void(std::int64_t)>& body);

// for_blocks with body(begin, end) for the blocks of 0..n-1, `size` long but the last.
void for_ranges(std::int64_t n, std::int64_t size,
                const std::function<void(std::int64_t, std::int64_t)>& body);

}  // namespace stockpot
