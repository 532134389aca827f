// Being the one process that works on a trial, and noticing when that is over.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "stockpot/sweep/attempt.h"

namespace stockpot {

// How often owners give a sign of life, and how long its absence is believed.
struct Heartbeat {
  std::chrono::milliseconds every{15'000};
  std::chrono::milliseconds stale_after{90'000};
};

// Ownership of one attempt. While it lives, a thread counts up in the attempt's `heartbeat`.
class Claim {
 public:
  // Claims attempt `number` of the trial in `trial_folder`. Null when another process was faster.
  // Throws WriteError.
  static std::unique_ptr<Claim> take(const fs::path& trial_folder, int number,
                                     std::chrono::milliseconds heartbeat);
  ~Claim();
  Claim(const Claim&) = delete;

  const fs::path& trial_folder() const { return trial_; }
  const fs::path& folder() const { return folder_; }
  int number() const { return number_; }

  // Throws TrialTakenOver when others have ended this attempt, or the trial has a result. To be
  // called before anything is written that others rely on. From any thread.
  void require_still_mine() const;

  // Publishes result.json. Throws TrialTakenOver when the trial is not ours any more or has a
  // result already; WriteError.
  void publish_result(const Json& result);
  // Writes outcome.json unless others did. Throws WriteError.
  void end(Ending ending, const std::string& reason, bool counts);

 private:
  Claim(fs::path trial, int number, std::string nonce, std::chrono::milliseconds heartbeat);
  void beat(std::chrono::milliseconds every);

  fs::path trial_, folder_;
  int number_;
  std::string nonce_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread heart_;  // last: it uses the others
};

// Judges from outside whether the owner of an attempt is still at work, by this process's own
// monotonic clock and nothing else: no two clocks are ever compared.
class Watch {
 public:
  using Now = std::function<std::chrono::steady_clock::time_point()>;
  explicit Watch(
      std::chrono::milliseconds stale_after,
      Now now = [] { return std::chrono::steady_clock::now(); });

  // Why the owner of this open attempt is taken to be gone; nothing while it may be at work. Has
  // to be asked again and again: a heartbeat must have been seen unchanged for stale_after, and
  // one long pause of the asking process does not count as seeing.
  std::optional<std::string> gone(const Attempt& attempt);

 private:
  struct Seen {
    std::string heartbeat;
    std::chrono::steady_clock::time_point when;
    std::chrono::steady_clock::duration unchanged{0};
  };
  std::chrono::milliseconds stale_after_;
  Now now_;
  Owner here_;
  std::map<fs::path, Seen> seen_;
};

}  // namespace stockpot
