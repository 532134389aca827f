#include "stockpot/sweep/launch.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <optional>
#include <thread>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/threads.h"
#include "stockpot/sweep/child.h"
#include "stockpot/sweep/worker.h"

namespace stockpot {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr int kDone = 0, kFailedTrials = 5, kInterrupted = 75, kRunFailed = 4;

struct Slot {
  WorkerSeat seat;
  fs::path log;
  std::optional<ChildProcess> child;
  int deaths = 0;                // since a trial last came to an end
  Clock::time_point not_before;  // of its next start
  bool over = false;
};

// The last line that is not empty: usually why the program ended.
std::string last_line(const fs::path& log) {
  try {
    const std::string text = read_file(log);
    const std::vector<std::string> lines = split(text, '\n');
    for (auto line = lines.rbegin(); line != lines.rend(); ++line)
      if (!trim(*line).empty())
        return printable(line->starts_with("stockpot: ") ? line->substr(10) : *line);
  } catch (const FormatError&) {
    // Nothing to say then.
  }
  return "";
}

std::string cause_of(int status) {
  if (status == 128 + SIGKILL) return "killed by signal 9 (was there enough memory?)";
  if (status > 128) return "killed by signal " + std::to_string(status - 128);
  return "ended with exit code " + std::to_string(status);
}

class Launch {
 public:
  Launch(const fs::path& sweep, const SweepPlan& plan, const LaunchOptions& options,
         const ShowBoard& show, Progress& progress)
      : sweep_(sweep), plan_(plan), options_(options), show_(show), progress_(progress) {
    board_ = scan(sweep_, plan_.trials, plan_.retries);
    make_slots();
  }

  SweepEnd run() {
    Clock::time_point next_look{};
    saves_ = save_requests();
    while (std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return !slot.over; })) {
      pass_on_signals();
      for (Slot& slot : slots_) attend(slot);
      if (Clock::now() >= next_look) {
        look();
        next_look = Clock::now() + options_.look_every;
      }
      std::this_thread::sleep_for(milliseconds(20));
    }
    look();
    if (code_) return {*code_, message_, board_};
    SweepEnd end = end_of(board_);
    if (end.code == kInterrupted && !stopping_) return {kRunFailed, message_, board_};
    return end;
  }

 private:
  void make_slots() {
    const int left = board_.waiting + board_.running;
    const int jobs = std::clamp(options_.jobs, 1, std::max(1, left));
    // By the whole sweep, not by what is left of it: a trial goes on with the threads that it began
    // with, and its bits do not depend on how many others are done.
    const int cores = options_.threads > 0 ? options_.threads : machine_cores();
    const int threads =
        std::max(1, cores / std::clamp(options_.jobs, 1, static_cast<int>(plan_.trials.size())));
    if (left == 0) return;
    std::error_code error;
    fs::create_directories(sweep_ / "workers", error);
    if (error) throw WriteError(sweep_ / "workers", "create", error.value());
    const int workers = options_.share_devices
                            ? std::min(jobs, std::max(1, static_cast<int>(options_.devices.size())))
                            : jobs;
    for (int i = 0; i < workers; ++i) {
      Slot slot;
      slot.seat.threads = threads;
      slot.seat.trials = jobs / workers + (i < jobs % workers ? 1 : 0);
      if (!options_.devices.empty())
        slot.seat.device = options_.devices[static_cast<std::size_t>(i) % options_.devices.size()];
      slot.log = sweep_ / "workers" / (std::to_string(i) + ".log");
      slots_.push_back(std::move(slot));
    }
  }

  void pass_on_signals() {
    if (!stopping_ && options_.stop && options_.stop()) stop_all("stopped");
    if (save_requests() == saves_) return;
    saves_ = save_requests();
    for (Slot& slot : slots_)
      if (slot.child) slot.child->signal(SIGUSR1);
  }

  void stop_all(const std::string& why) {
    stopping_ = true;
    progress_.say(why + "; waiting for the workers to save their state");
    for (Slot& slot : slots_) {
      if (slot.child)
        slot.child->signal(SIGTERM);
      else
        slot.over = true;
    }
  }

  void start(Slot& slot) {
    if (options_.worker) {
      slot.child.emplace([&] { return options_.worker(slot.seat); }, slot.log);
      return;
    }
    std::vector<std::string> command = options_.command;
    command.insert(command.end(), {"--threads", std::to_string(slot.seat.threads)});
    if (!slot.seat.device.empty()) command.insert(command.end(), {"--device", slot.seat.device});
    slot.child.emplace(command, slot.log);
  }

  void attend(Slot& slot) {
    if (slot.over) return;
    if (!slot.child) {
      if (Clock::now() >= slot.not_before) start(slot);
      return;
    }
    const std::optional<int> status = slot.child->ended();
    if (!status) return;
    const pid_t pid = slot.child->pid();
    slot.child.reset();
    switch (*status) {
      case kDone:
      case kFailedTrials:
        slot.over = true;
        return;
      case 2:
      case 3:
      case 74:
        give_up(slot, *status);
        return;
      default:
        if (*status == kInterrupted && stopping_)
          slot.over = true;
        else
          mourn(slot, pid, *status);
    }
  }

  // The others would meet the same: a recipe or data that cannot be used, a full disk.
  void give_up(Slot& slot, int status) {
    slot.over = true;
    if (code_) return;
    code_ = status;
    message_ = last_line(slot.log) + " (" + printable(slot.log.string()) + ")";
    if (!stopping_) stop_all("a worker ended: " + message_);
  }

  void mourn(Slot& slot, pid_t pid, int status) {
    const std::string cause = cause_of(status);
    mark_died(pid, cause);
    look();
    message_ = "workers keep dying; the last one " + cause;
    if (const std::string line = last_line(slot.log); !line.empty())
      message_ += ": " + line + " (" + printable(slot.log.string()) + ")";
    ++slot.deaths;
    // Each trial that kills its workers does so retries + 1 times before it is given up.
    slot.over = stopping_ || slot.deaths > plan_.retries + 2;
    progress_.say("a worker " + cause + (slot.over ? "" : "; starting another"));
    slot.not_before = Clock::now() + milliseconds(100) * (1 << std::min(slot.deaths, 6));
  }

  // Its trials are free at once, with a better reason than other workers could give.
  void mark_died(pid_t pid, const std::string& cause) {
    const Owner here = this_process();
    for (const Trial& trial : plan_.trials) {
      const TrialRecord record = read_trial(trial_folder(sweep_, trial.id));
      const Attempt* open = record.done ? nullptr : record.open_attempt();
      if (!open || !open->owner || open->owner->pid != pid || !is_gone(*open->owner, here))
        continue;
      end_attempt(open->folder, Ending::died, "its worker " + cause, !went_further(record, *open));
    }
  }

  void look() {
    const int before = ended_;
    board_ = scan(sweep_, plan_.trials, plan_.retries, &board_);
    ended_ = board_.done + board_.failed + board_.diverged + board_.blocked;
    if (ended_ != before)
      for (Slot& slot : slots_) slot.deaths = 0;
    show_(board_);
  }

  const fs::path& sweep_;
  const SweepPlan& plan_;
  const LaunchOptions& options_;
  const ShowBoard& show_;
  Progress& progress_;
  Board board_;
  std::vector<Slot> slots_;
  std::optional<int> code_;
  std::string message_;
  std::uint32_t saves_ = 0;
  int ended_ = 0;
  bool stopping_ = false;
};

}  // namespace

SweepEnd launch(const fs::path& sweep, const SweepPlan& plan, const LaunchOptions& options,
                const ShowBoard& show, Progress& progress) {
  return Launch(sweep, plan, options, show, progress).run();
}

SweepEnd end_of(Board board) {
  SweepEnd end;
  if (!board.all_final()) {
    end.code = kInterrupted;
    end.message = std::to_string(board.waiting + board.running) + " of " +
                  std::to_string(board.rows.size()) + " trials are left";
  } else if (!board.whole()) {
    end.code = kFailedTrials;
    end.message = std::to_string(static_cast<int>(board.rows.size()) - board.done) + " of " +
                  std::to_string(board.rows.size()) +
                  " trials were given up; stockpot sweep retry puts them back";
  }
  end.board = std::move(board);
  return end;
}

}  // namespace stockpot
