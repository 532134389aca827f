// Writes states on a thread of its own, so that training waits for a copy in memory only.
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "stockpot/train/snapshot.h"
#include "stockpot/train/state_folder.h"

namespace stockpot {

class StateWriter {
 public:
  explicit StateWriter(StateFolder& folder);
  ~StateWriter();  // waits for the state under way
  StateWriter(const StateWriter&) = delete;

  bool busy() const;
  // Throws what the last write threw, once.
  void check();
  // Waits until the last state is on the disk; then as check().
  void wait();

  // Memory for the next state: waits for the last one, fills nothing. Then write() starts.
  Snapshot& next();
  void write();

 private:
  void work();

  StateFolder& folder_;
  Snapshot snapshot_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool writing_ = false, ending_ = false;
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace stockpot
