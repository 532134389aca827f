// Sweeps for tests: trials whose result is a function of their number, workers as child
// processes, and children that are killed at a chosen system call.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "../base/in_child.h"
#include "../base/temporary_folder.h"
#include "stockpot/base/progress.h"
#include "stockpot/sweep/board.h"
#include "stockpot/sweep/worker.h"

namespace stockpot {

using std::chrono::milliseconds;

class Silence : public Progress {
 public:
  void say(const std::string&) override {}
  void status(const std::string&) override {}
};

// Remembers what was said.
class Recorder : public Progress {
 public:
  void say(const std::string& line) override { said += line + "\n"; }
  void status(const std::string&) override {}
  std::string said;
};

// t000, t001, ... with {"number": i}.
std::vector<Trial> numbered_trials(std::size_t count);

// What training trial `number` would find: no two are alike.
Json result_of(std::int64_t number);

// Returns result_of its number after `time`, and adds its id to SWEEP/ran.txt when it ends.
RunTrial numbered_run(milliseconds time = milliseconds(0));

// A temporary folder in memory where there is one: syncing costs nothing there.
class InMemoryFolder {
 public:
  InMemoryFolder() {
    if (!fs::is_directory("/dev/shm")) {
      folder_.emplace();
      return;
    }
    const std::string usual = fs::temp_directory_path();
    setenv("TMPDIR", "/dev/shm", /*overwrite=*/1);
    folder_.emplace();
    setenv("TMPDIR", usual.c_str(), /*overwrite=*/1);
  }
  const fs::path& path() const { return folder_->path(); }
  void put(const std::string& name, const std::string& text) const { folder_->put(name, text); }

 private:
  std::optional<TemporaryFolder> folder_;
};

// Heartbeats every 20 ms, stale after 10 s: on a busy machine 20 ms may become a second.
WorkerOptions quick();

// How often each id is in SWEEP/ran.txt.
std::size_t times_run(const fs::path& sweep, const std::string& id);

// Every result.json below `sweep`, as "id=text" lines in the order of the ids.
std::string all_results(const fs::path& sweep, const std::vector<Trial>& trials);

// A child process that runs `body`: its exit status is what body returns, 99 for an exception.
pid_t spawn(const std::function<int()>& body);
// Waits for its end: the exit status, or 128 + the signal.
int outcome_of(pid_t child);
bool has_ended(pid_t child);

// Runs `body` in a child and kills it (SIGKILL) as its main thread is about to make its n-th
// system call, from 1. False when the child ended by itself before.
bool killed_at_call(int n, const std::function<void()>& body);

// Waits until `condition` holds; false after 20 s.
bool wait_until(const std::function<bool()>& condition);

}  // namespace stockpot
