// Loops over independent items on several threads.
#pragma once

#include <cstdint>
#include <functional>

namespace stockpot {

// The cores this process may run on (its affinity mask), at least 1.
int machine_cores();

// The default number of threads of parallel_for; starts as machine_cores().
void set_threads(int count);
int threads();

// Calls body(begin, end) for disjoint ranges that cover 0..n-1, each at most `grain` long,
// on up to threads() threads. Which thread runs which range is not fixed, so bodies must
// write disjoint places. The first exception thrown by a body is rethrown here after all
// threads have stopped. A loop inside a body runs on that body's thread.
void parallel_for(std::int64_t n, std::int64_t grain,
                  const std::function<void(std::int64_t begin, std::int64_t end)>& body);

}  // namespace stockpot
