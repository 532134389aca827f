#include "stockpot/model/blocks.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace stockpot {
namespace {

// LibTorch's number of threads while a test runs.
class Threads {
 public:
  explicit Threads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
  ~Threads() { at::set_num_threads(before_); }
  Threads(const Threads&) = delete;

 private:
  int before_;
};

TEST(Blocks, AreEachVisitedOnce) {
  for (const int threads : {1, 2, 7}) {
    const Threads set(threads);
    for (const std::int64_t count : {0, 1, 2, 5, 1000}) {
      std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
      for_blocks(count, [&](std::int64_t block) { ++visits[static_cast<std::size_t>(block)]; });
      for (const auto& visit : visits) EXPECT_EQ(visit, 1) << threads << " " << count;
    }
  }
}

// Each of the two waits for the other, which one thread alone would never see arrive.
TEST(Blocks, RunOnSeveralThreads) {
  const Threads set(2);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  std::atomic<int> arrived = 0;
  for_blocks(2, [&](std::int64_t) {
    ++arrived;
    while (arrived < 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(arrived, 2);
  });
}

TEST(Blocks, ALoopInsideALoopRunsOnTheThreadThatStartsIt) {
  const Threads set(2);
  std::atomic<int> visits = 0;
  for_blocks(4, [&](std::int64_t) {
    const auto caller = std::this_thread::get_id();
    for_blocks(8, [&](std::int64_t) {
      EXPECT_EQ(std::this_thread::get_id(), caller);
      ++visits;
    });
  });
  EXPECT_EQ(visits, 32);
}

TEST(Blocks, ThrowWhatABodyThrew) {
  for (const int threads : {1, 2}) {
    const Threads set(threads);
    const auto body = [](std::int64_t block) {
      if (block == 3) throw std::runtime_error("block 3");
    };
    EXPECT_THROW(for_blocks(100, body), std::runtime_error);
  }
}

TEST(Ranges, CoverAllAndAreCutAtTheSamePlacesForAnyNumberOfThreads) {
  for (const int threads : {1, 3}) {
    const Threads set(threads);
    std::mutex mutex;
    std::set<std::pair<std::int64_t, std::int64_t>> ranges;
    for_ranges(70, 32, [&](std::int64_t begin, std::int64_t end) {
      const std::lock_guard lock(mutex);
      ranges.emplace(begin, end);
    });
    EXPECT_EQ(ranges,
              (std::set<std::pair<std::int64_t, std::int64_t>>{{0, 32}, {32, 64}, {64, 70}}));
  }
}

TEST(Teams, RunEveryBodyAndEveryBlockOfItsLoopsOnce) {
  for (const int threads : {1, 2, 7})
    for (const std::int64_t teams : {0, 1, 2, 5, 40}) {
      const Threads set(threads);
      std::vector<std::atomic<int>> visits(static_cast<std::size_t>(teams * 100));
      for_teams(teams, [&](std::int64_t team) {
        for (int loop = 0; loop < 20; ++loop)
          for_blocks(5, [&](std::int64_t block) {
            ++visits[static_cast<std::size_t>(100 * team + 5 * loop + block)];
          });
      });
      for (const auto& visit : visits) EXPECT_EQ(visit, 1) << threads << " " << teams;
    }
}

TEST(Teams, GetTheThreadsThatAreFree) {
  const Threads set(3);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  std::atomic<int> arrived = 0;
  for_teams(2, [&](std::int64_t team) {
    if (team == 0) return;
    for_blocks(3, [&](std::int64_t) {
      ++arrived;
      while (arrived < 3 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
      EXPECT_EQ(arrived, 3);
    });
  });
}

TEST(Teams, ThrowWhatABodyOrABlockThrew) {
  for (const int threads : {1, 3}) {
    const Threads set(threads);
    EXPECT_THROW(for_teams(4,
                           [](std::int64_t team) {
                             if (team == 2) throw std::runtime_error("a body");
                           }),
                 std::runtime_error);
    EXPECT_THROW(for_teams(2,
                           [](std::int64_t) {
                             for_blocks(8, [](std::int64_t block) {
                               if (block == 5) throw std::runtime_error("a block");
                             });
                           }),
                 std::runtime_error);
  }
}

}  // namespace
}  // namespace stockpot
