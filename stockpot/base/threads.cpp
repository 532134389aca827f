#include "stockpot/base/threads.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace stockpot {

int machine_cores() {
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) return std::max(1, CPU_COUNT(&mask));
  // The mask of a machine with more than 1024 cores does not fit.
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

namespace {

std::atomic<int>& thread_count() {
  static std::atomic<int> count = machine_cores();
  return count;
}

// Set while this thread works for a parallel_for: a loop inside a loop then runs inline
// instead of multiplying the threads.
thread_local bool inside_loop = false;

using Body = std::function<void(std::int64_t, std::int64_t)>;

// The ranges of one loop, handed out in order to whoever asks.
class Ranges {
 public:
  Ranges(std::int64_t n, std::int64_t grain, const Body& body)
      : n_(n), grain_(grain), count_((n - 1) / grain + 1), body_(body) {}

  std::int64_t count() const { return count_; }

  void work() {
    const bool outer = std::exchange(inside_loop, true);
    for (std::int64_t range; (range = next_.fetch_add(1)) < count_;) {
      try {
        const std::int64_t begin = range * grain_;
        body_(begin, begin + std::min(grain_, n_ - begin));
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
        next_ = count_;
      }
    }
    inside_loop = outer;
  }

  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  const std::int64_t n_, grain_, count_;
  const Body& body_;
  std::atomic<std::int64_t> next_ = 0;
  std::mutex mutex_;
  std::exception_ptr failure_;
};

}  // namespace

void set_threads(int count) { thread_count() = std::max(1, count); }

int threads() { return thread_count(); }

void parallel_for(std::int64_t n, std::int64_t grain, const Body& body) {
  if (n <= 0) return;
  Ranges ranges(n, std::max<std::int64_t>(grain, 1), body);
  const std::int64_t workers = inside_loop ? 1 : std::min<std::int64_t>(threads(), ranges.count());
  std::vector<std::jthread> others;
  others.reserve(static_cast<std::size_t>(workers));
  try {
    for (std::int64_t i = 1; i < workers; ++i) others.emplace_back([&ranges] { ranges.work(); });
  } catch (const std::system_error&) {
    // No more threads to be had: those that started, and this one, do the work.
  }
  ranges.work();
  others.clear();  // joins
  ranges.rethrow();
}

}  // namespace stockpot
