#include "stockpot/sweep/worker.h"

#include <algorithm>
#include <ctime>
#include <map>
#include <new>
#include <thread>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/sweep/params_file.h"
#include "stockpot/sweep/result.h"
#include "stockpot/sweep/state.h"

namespace stockpot {
namespace {

using std::chrono::milliseconds;

// The trials a worker may take, in working order: all, or one and what it needs.
std::vector<std::size_t> wanted_trials(const std::vector<Trial>& trials,
                                       const WorkerOptions& options) {
  std::vector<std::size_t> order = working_order(trials);
  if (!options.index) return order;
  if (*options.index >= trials.size())
    throw UsageError("there is no trial " + std::to_string(*options.index) + "; the sweep has " +
                     std::to_string(trials.size()) + ", counted from 0");
  std::vector<std::string> ids{trials[*options.index].id};
  for (std::size_t i = 0; i < ids.size(); ++i)
    for (const Trial& trial : trials)
      if (trial.id == ids[i])
        for (const std::string& need : trial.needs)
          if (std::find(ids.begin(), ids.end(), need) == ids.end()) ids.push_back(need);
  std::erase_if(order, [&](std::size_t i) {
    return std::find(ids.begin(), ids.end(), trials[i].id) == ids.end();
  });
  return order;
}

std::string age_of(const Owner& owner) {
  const auto age = static_cast<double>(std::time(nullptr)) - static_cast<double>(owner.since);
  return age < 0 ? "" : ", since " + human_duration(age);
}

class Work {
 public:
  Work(const fs::path& sweep, const std::vector<Trial>& trials, const RunTrial& run,
       const WorkerOptions& options, Progress& progress)
      : sweep_(sweep),
        trials_(trials),
        run_(run),
        options_(options),
        progress_(progress),
        order_(wanted_trials(trials, options)),
        states_(trials.size(), TrialState::ready),
        watch_(options.heartbeat.stale_after) {}

  WorkSummary all() {
    milliseconds pause = kShortestPause;
    for (;;) {
      bool took_one = false;
      for (const std::size_t i : order_) {
        if (is_final(states_[i])) continue;
        states_[i] = look(i);
        if (states_[i] != TrialState::ready || is_put_off(i) || refused_.contains(i)) continue;
        if (enough()) return summary();
        stop_if_asked();
        took_one |= take(i);
      }
      if (took_one) {
        pause = kShortestPause;
        continue;
      }
      const auto pending = std::count_if(order_.begin(), order_.end(),
                                         [&](std::size_t i) { return !is_final(states_[i]); });
      if (pending == 0) return summary();
      throw_if_only_refused();
      if (!options_.wait) refuse_to_wait();
      progress_.status("waiting for " + std::to_string(pending) + " trials of other workers");
      wait(pause);
      pause = std::min({pause * 3 / 2, kLongestPause, options_.heartbeat.stale_after / 10});
    }
  }

 private:
  static constexpr milliseconds kShortestPause{20}, kLongestPause{2000};

  TrialState look(std::size_t i) {
    TrialRecord record = read_trial(trial_folder(sweep_, trials_[i].id));
    if (const Attempt* open = record.done ? nullptr : record.open_attempt()) {
      if (const auto reason = watch_.gone(*open)) {
        end_attempt(open->folder, Ending::died, *reason, !went_further(record, *open));
        progress_.say(trials_[i].id + ": " + *reason + "; its trial is free again");
        record = read_trial(record.folder);
      }
    }
    if (record.done) {
      std::error_code error;  // saved states have no use any more; what cannot be removed stays
      fs::remove_all(record.folder / "state", error);
    }
    std::vector<TrialState> needed;
    for (const std::string& need : trials_[i].needs)
      for (std::size_t j = 0; j < trials_.size(); ++j)
        if (trials_[j].id == need) needed.push_back(states_[j]);
    return state_with(own_state(record, options_.retries), needed);
  }

  // Works on the trial; false when another worker was faster.
  bool take(std::size_t i) {
    const Trial& trial = trials_[i];
    const fs::path folder = trial_folder(sweep_, trial.id);
    const TrialRecord record = read_trial(folder);
    if (record.done || record.open_attempt()) return false;
    const int number = static_cast<int>(record.attempts.size()) + 1;
    const auto claim = Claim::take(folder, number, options_.heartbeat.every);
    if (!claim) return false;
    TrialRun run(*claim);
    try {
      claim->require_still_mine();
      if (check_params(folder, trial.params)) run.log("params.json was torn; written again");
      run.log("attempt " + std::to_string(number) + " by " + this_process().describe() +
              (record.attempts.empty() ? "" : ", after: " + describe(record.attempts.back())));
    } catch (const TrialTakenOver&) {
      return false;  // its result came between our look and our claim
    } catch (const std::exception& error) {
      give_back(*claim, error.what());
      throw;
    }
    ++taken_;
    attempt(i, run, *claim);
    states_[i] = look(i);
    return true;
  }

  static std::string describe(const Attempt& attempt) {
    return std::string(name_of(attempt.ending)) +
           (attempt.reason.empty() ? "" : ", " + printable(attempt.reason));
  }

  void attempt(std::size_t i, TrialRun& run, Claim& claim) {
    const Trial& trial = trials_[i];
    try {
      const Json result = run_(trial, run);
      claim.publish_result(result);
      ++done_;
      say_done(trial, result);
    } catch (const TrialTakenOver& error) {
      progress_.say(error.what());
      log_quietly(run, error.what());
    } catch (const BusyError& error) {
      // Files of an owner that is stalled rather than dead: it has to wake or to end first.
      give_back(claim, error.what());
      progress_.say(trial.id + ": put off, " + error.what());
      put_off_[i] = std::chrono::steady_clock::now() + options_.heartbeat.stale_after;
    } catch (const TrialRefused& error) {
      give_back(claim, error.what());
      progress_.say(trial.id + ": left to other workers, " + error.what());
      refused_.emplace(i, error.what());
    } catch (const Interrupted& error) {
      give_back(claim, error.what());
      throw;
    } catch (const WriteError& error) {
      give_back(claim, error.what());
      throw;
    } catch (const std::bad_alloc&) {
      fail(trial, run, claim, Ending::failed, "out of memory");
    } catch (const std::exception& error) {
      const bool diverged = dynamic_cast<const TrialDiverged*>(&error) != nullptr ||
                            (options_.is_divergence && options_.is_divergence(error));
      fail(trial, run, claim, diverged ? Ending::diverged : Ending::failed, error.what());
    } catch (...) {
      fail(trial, run, claim, Ending::failed, "an error of an unknown kind");
    }
  }

  void fail(const Trial& trial, TrialRun& run, Claim& claim, Ending ending,
            const std::string& reason) {
    log_quietly(run, std::string(name_of(ending)) + ": " + reason);
    claim.end(ending, reason, /*counts=*/true);
    progress_.say(trial.id + ": " + name_of(ending) + ", " + printable(reason));
  }

  // Whatever made the worker stop is told by its own exception.
  static void give_back(Claim& claim, const std::string& reason) {
    try {
      claim.end(Ending::interrupted, reason, /*counts=*/false);
    } catch (const WriteError&) {
      // The claim goes stale with this process.
    }
  }

  static void log_quietly(const TrialRun& run, const std::string& line) {
    try {
      run.log(printable(line));
    } catch (const WriteError&) {
      // The outcome, written next, says the same or meets the full disk.
    }
  }

  void say_done(const Trial& trial, const Json& result) {
    const auto finished = std::count(states_.begin(), states_.end(), TrialState::done) + 1;
    const auto held_out = held_out_of(result);
    progress_.say("[" + std::to_string(finished) + "/" + std::to_string(trials_.size()) + "] " +
                  trial.id + (held_out ? ": held-out " + percent_text(*held_out) : ": done") +
                  " (" + human_duration(seconds_of(result)) + ")");
  }

  bool is_put_off(std::size_t i) const {
    const auto until = put_off_.find(i);
    return until != put_off_.end() && std::chrono::steady_clock::now() < until->second;
  }

  // While others are at work there may be more to do: their trials may come back.
  void throw_if_only_refused() const {
    if (refused_.empty()) return;
    for (const std::size_t i : order_)
      if (states_[i] == TrialState::running ||
          (states_[i] == TrialState::ready && !refused_.contains(i)))
        return;
    const auto& [trial, reason] = *refused_.begin();
    throw TrialRefused(trials_[trial].id + ": " + reason);
  }

  bool enough() const { return options_.max_trials > 0 && taken_ >= options_.max_trials; }

  void stop_if_asked() const {
    if (options_.stop && options_.stop())
      throw Interrupted("stopped after " + std::to_string(done_) + " trials");
  }

  void wait(milliseconds pause) const {
    constexpr milliseconds kSlice{50};
    for (milliseconds waited{0}; waited < pause; waited += kSlice) {
      stop_if_asked();
      std::this_thread::sleep_for(std::min(kSlice, pause - waited));
    }
  }

  [[noreturn]] void refuse_to_wait() const {
    for (const std::size_t i : order_) {
      const TrialRecord record = read_trial(trial_folder(sweep_, trials_[i].id));
      const Attempt* open = record.open_attempt();
      if (!open || record.done) continue;
      throw BusyError(printable(record.folder.string()) + ": in use by " +
                      (open->owner ? open->owner->describe() + age_of(*open->owner)
                                   : std::string("another process")));
    }
    throw BusyError(printable(sweep_.string()) + ": others work on what is left");
  }

  WorkSummary summary() const {
    WorkSummary result;
    result.done = done_;
    if (enough()) return result;
    for (const std::size_t i : order_) {
      if (states_[i] == TrialState::done || !result.whole) continue;
      result.whole = false;
      result.trouble = trials_[i].id + " is " + name_of(states_[i]);
    }
    return result;
  }

  const fs::path& sweep_;
  const std::vector<Trial>& trials_;
  const RunTrial& run_;
  const WorkerOptions& options_;
  Progress& progress_;
  std::vector<std::size_t> order_;
  std::vector<TrialState> states_;  // as last seen
  Watch watch_;
  // Trials by index.
  std::map<std::size_t, std::chrono::steady_clock::time_point> put_off_;
  std::map<std::size_t, std::string> refused_;
  std::int64_t taken_ = 0;
  int done_ = 0;
};

}  // namespace

fs::path trial_folder(const fs::path& sweep, const std::string& id) { return sweep / "runs" / id; }

WorkSummary work(const fs::path& sweep, const std::vector<Trial>& trials, const RunTrial& run,
                 const WorkerOptions& options, Progress& progress) {
  return Work(sweep, trials, run, options, progress).all();
}

}  // namespace stockpot
