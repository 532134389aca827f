#include "stockpot/base/threads.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

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

// Threads that wait for loops, as many as were ever wanted at once. They last as long as the
// process: to start and end them for every loop would take longer than most loops. A forked child
// has none of its parent's and makes its own.
class Pool {
 public:
  static Pool& of_process() {
    static std::atomic<Pool*> current = nullptr;
    Pool* pool = current;
    if (pool != nullptr && pool->process_ == getpid()) return *pool;
    Pool* const fresh = new Pool;
    if (current.compare_exchange_strong(pool, fresh)) return *fresh;
    delete fresh;  // another thread was first
    return *pool;
  }

  // Works through the ranges with so many threads beside this one.
  void run(Ranges& ranges, std::int64_t helpers) {
    Loop loop{&ranges, helpers};
    {
      const std::lock_guard lock(mutex_);
      loops_.push_back(&loop);
      make_threads();
    }
    helpers == 1 ? wanted_.notify_one() : wanted_.notify_all();
    ranges.work();
    std::unique_lock lock(mutex_);
    std::erase(loops_, &loop);
    left_.wait(lock, [&] { return loop.helping == 0; });
  }

 private:
  struct Loop {
    Ranges* ranges;
    std::int64_t wanted;  // threads that have not come yet
    std::int64_t helping = 0;
  };

  // When there are no more threads to be had, those that there are, and the caller's, do the work.
  void make_threads() {
    std::int64_t wanted = 0;
    for (const Loop* loop : loops_) wanted += loop->wanted;
    while (idle_ < wanted && start()) ++idle_;
  }

  // Signals are for the threads that the program knows, but for what a thread does to itself.
  bool start() {
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (const int own : {SIGBUS, SIGSEGV, SIGFPE, SIGILL}) sigdelset(&blocked, own);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    bool started = true;
    try {
      std::thread([this] { work(); }).detach();
    } catch (const std::system_error&) {
      started = false;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return started;
  }

  [[noreturn]] void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wanted_.wait(lock, [&] { return !loops_.empty(); });
      Loop& loop = *loops_.front();
      if (--loop.wanted == 0) loops_.pop_front();
      ++loop.helping;
      --idle_;
      lock.unlock();
      loop.ranges->work();
      lock.lock();
      ++idle_;
      if (--loop.helping == 0) left_.notify_all();
    }
  }

  const pid_t process_ = getpid();
  std::mutex mutex_;
  std::condition_variable wanted_, left_;
  std::deque<Loop*> loops_;  // that want more threads
  std::int64_t idle_ = 0;    // threads
};

}  // namespace

void set_threads(int count) { thread_count() = std::max(1, count); }

int threads() { return thread_count(); }

void parallel_for(std::int64_t n, std::int64_t grain, const Body& body) {
  if (n <= 0) return;
  Ranges ranges(n, std::max<std::int64_t>(grain, 1), body);
  const std::int64_t workers = inside_loop ? 1 : std::min<std::int64_t>(threads(), ranges.count());
  if (workers > 1)
    Pool::of_process().run(ranges, workers - 1);
  else
    ranges.work();
  ranges.rethrow();
}

}  // namespace stockpot
