#include "stockpot/model/blocks.h"

#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

namespace stockpot {
namespace {

using Body = std::function<void(std::int64_t)>;

class Team;
thread_local Team* own_team = nullptr;  // of a leader, but while it works on a block

// Runs the loops of one thread, its leader, together with whoever else has time.
class Team {
 public:
  // The leader's.
  void run(std::int64_t count, const Body& body) {
    body_ = &body;
    finished_.store(0, std::memory_order_relaxed);
    left_.store(++loops_ << 32 | static_cast<std::uint64_t>(count), std::memory_order_release);
    help();
    while (finished_.load(std::memory_order_acquire) < count) {
    }
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

  // Works on blocks of the present loop that nobody has begun, if there are any.
  void help() {
    Team* const mine = std::exchange(own_team, nullptr);
    std::uint64_t left = left_.load(std::memory_order_acquire);
    while ((left & kBlocks) > 0) {
      // A block is won with the number of its loop: its body lives until the block is finished.
      if (!left_.compare_exchange_weak(left, left - 1, std::memory_order_acq_rel)) continue;
      try {
        (*body_)(static_cast<std::int64_t>(left & kBlocks) - 1);
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!error_) error_ = std::current_exception();
      }
      finished_.fetch_add(1, std::memory_order_acq_rel);
      left = left_.load(std::memory_order_acquire);
    }
    own_team = mine;
  }

 private:
  static constexpr std::uint64_t kBlocks = 0xFFFFFFFF;
  std::atomic<std::uint64_t> left_ = 0;  // the loop's number and, below, its blocks to be begun
  std::atomic<std::int64_t> finished_ = 0;
  std::uint64_t loops_ = 0;
  const Body* body_ = nullptr;
  std::mutex mutex_;
  std::exception_ptr error_;
};

// While it lives, this thread leads a team; then there is one more that is done.
class Leader {
 public:
  Leader(Team& team, std::atomic<std::int64_t>& done) : done_(done) { own_team = &team; }
  ~Leader() {
    own_team = nullptr;
    done_.fetch_add(1, std::memory_order_acq_rel);
  }
  Leader(const Leader&) = delete;

 private:
  std::atomic<std::int64_t>& done_;
};

// Calls work() on that many of LibTorch's threads. at::parallel_for is a template that runs on one
// thread wherever it is compiled without OpenMP, and on a pool of its own wherever LibTorch brings
// its own OpenMP library. The loop of an iterator over as many elements as there are threads is
// compiled into LibTorch.
void on_threads(std::int64_t threads, const std::function<void()>& work) {
  if (threads < 1) return;
  if (threads == 1) return work();
  const at::Tensor one_each = at::empty({threads}, at::kByte);
  at::TensorIterator::borrowing_nullary_op(one_each).for_each(
      [&](char**, const std::int64_t*, std::int64_t, std::int64_t) { work(); }, /*grain_size=*/1);
}

}  // namespace

void for_blocks(std::int64_t count, const std::function<void(std::int64_t)>& body) {
  if (own_team && count > 1) return own_team->run(count, body);
  std::atomic<std::int64_t> next = 0;
  on_threads(std::min<std::int64_t>(at::get_num_threads(), count), [&] {
    for (std::int64_t block; (block = next.fetch_add(1)) < count;) body(block);
  });
}

void for_teams(std::int64_t count, const std::function<void(std::int64_t)>& body) {
  if (own_team || count < 2) {
    for (std::int64_t i = 0; i < count; ++i) body(i);
    return;
  }
  const std::unique_ptr<Team[]> teams(new Team[static_cast<std::size_t>(count)]);
  std::atomic<std::int64_t> next = 0, done = 0;
  on_threads(at::get_num_threads(), [&] {
    for (std::int64_t i; (i = next.fetch_add(1)) < count;) {
      const Leader leader(teams[static_cast<std::size_t>(i)], done);
      body(i);
    }
    while (done.load(std::memory_order_acquire) < count)
      for (std::int64_t i = 0; i < count; ++i) teams[static_cast<std::size_t>(i)].help();
  });
}

void for_ranges(std::int64_t n, std::int64_t size,
                const std::function<void(std::int64_t, std::int64_t)>& body) {
  for_blocks((n + size - 1) / size,
             [&](std::int64_t block) { body(block * size, std::min(n, (block + 1) * size)); });
}

}  // namespace stockpot
