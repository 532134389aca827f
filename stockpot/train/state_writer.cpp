#include "stockpot/train/state_writer.h"

#include <utility>

namespace stockpot {

StateWriter::StateWriter(StateFolder& folder) : folder_(folder), thread_([this] { work(); }) {}

StateWriter::~StateWriter() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool StateWriter::busy() const {
  const std::lock_guard lock(mutex_);
  return writing_;
}

void StateWriter::check() {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void StateWriter::wait() {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !writing_; });
  }
  check();
}

Snapshot& StateWriter::next() {
  wait();
  snapshot_.clear();
  return snapshot_;
}

void StateWriter::write() {
  {
    const std::lock_guard lock(mutex_);
    writing_ = true;
  }
  changed_.notify_all();
}

void StateWriter::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return writing_ || ending_; });
    if (!writing_) return;
    lock.unlock();
    std::exception_ptr failure;
    try {
      folder_.save(snapshot_.step, snapshot_.views(), snapshot_.state);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    failure_ = failure;
    writing_ = false;
    changed_.notify_all();
  }
}

}  // namespace stockpot
