#include "stockpot/base/threads.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/base/in_child.h"

namespace stockpot {
namespace {

class ParallelFor : public testing::Test {
 protected:
  void TearDown() override { set_threads(machine_cores()); }
};

TEST_F(ParallelFor, CoversEveryIndexOnceInShortRanges) {
  for (const int count : {1, 2, 7}) {
    set_threads(count);
    std::vector<std::atomic<int>> visits(1001);
    parallel_for(1001, 10, [&](std::int64_t begin, std::int64_t end) {
      EXPECT_LT(begin, end);
      EXPECT_LE(end - begin, 10);
      for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
    });
    for (const auto& visited : visits) ASSERT_EQ(visited, 1);
  }
}

TEST_F(ParallelFor, DoesNothingForNoItems) {
  parallel_for(0, 1, [](std::int64_t, std::int64_t) { FAIL(); });
  parallel_for(-1, 1, [](std::int64_t, std::int64_t) { FAIL(); });
}

TEST_F(ParallelFor, StaysOnThisThreadForOneRange) {
  set_threads(4);
  parallel_for(5, 10, [caller = std::this_thread::get_id()](std::int64_t, std::int64_t end) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    EXPECT_EQ(end, 5);
  });
}

TEST_F(ParallelFor, RethrowsTheExceptionOfABody) {
  for (const int count : {1, 4}) {
    set_threads(count);
    std::atomic<int> calls = 0;
    const auto body = [&](std::int64_t begin, std::int64_t) {
      ++calls;
      if (begin == 3) throw std::runtime_error("three");
    };
    EXPECT_THROW(parallel_for(100'000, 1, body), std::runtime_error);
    EXPECT_LT(calls, 100'000);
  }
}

TEST_F(ParallelFor, ALoopInsideALoopUsesNoMoreThreads) {
  set_threads(3);
  std::mutex mutex;
  std::set<std::thread::id> ids;
  parallel_for(20, 1, [&](std::int64_t, std::int64_t) {
    parallel_for(20, 1, [&](std::int64_t, std::int64_t) {
      const std::lock_guard lock(mutex);
      ids.insert(std::this_thread::get_id());
    });
  });
  EXPECT_LE(ids.size(), 3u);
}

TEST_F(ParallelFor, ManyThreadsLoopAtOnce) {
  set_threads(5);
  std::atomic<std::int64_t> sum = 0;
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < 6; ++caller)
      callers.emplace_back([&sum] {
        for (int loop = 0; loop < 300; ++loop)
          parallel_for(loop, 2,
                       [&sum](std::int64_t begin, std::int64_t end) { sum += end - begin; });
      });
  }
  EXPECT_EQ(sum, 6 * 299 * 300 / 2);
}

// The threads of its parent are not there.
TEST_F(ParallelFor, AForkedChildMakesItsOwnThreads) {
  set_threads(3);
  const auto threads_of_a_loop = [] {
    std::mutex mutex;
    std::set<std::thread::id> ids;
    parallel_for(3, 1, [&](std::int64_t, std::int64_t) {
      for (std::size_t known = 0; known < 3; std::this_thread::yield()) {
        const std::lock_guard lock(mutex);
        ids.insert(std::this_thread::get_id());
        known = ids.size();
      }
    });
    return ids.size();
  };
  ASSERT_EQ(threads_of_a_loop(), 3u);
  EXPECT_EQ(in_child([&] { return static_cast<int>(threads_of_a_loop()); }), 3);
}

TEST_F(ParallelFor, ThreadsIsAtLeastOne) {
  set_threads(0);
  EXPECT_EQ(threads(), 1);
}

TEST(MachineCores, E09_FollowsTheAffinityMask) {
  EXPECT_GE(machine_cores(), 1);
  int in_one_core = 0;
  std::thread([&] {
    cpu_set_t mask, one;
    ASSERT_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
      if (CPU_ISSET(cpu, &mask)) CPU_SET(cpu, &one);
    }
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    in_one_core = machine_cores();
  }).join();
  EXPECT_EQ(in_one_core, 1);
}

}  // namespace
}  // namespace stockpot
