#include "stockpot/sweep/slurm.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <set>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/sweep/slurm_queue.h"

namespace stockpot {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

class SlurmRun {
 public:
  SlurmRun(const fs::path& sweep, const SweepPlan& plan, const SlurmOptions& options,
           const ShowBoard& show, Progress& progress)
      : sweep_(sweep), plan_(plan), options_(options), show_(show), progress_(progress) {
    std::error_code error;
    fs::create_directories(folder(), error);
    if (error) throw WriteError(folder(), "create", error.value());
    read_jobs();
  }

  SweepEnd run() {
    Clock::time_point next_question{};
    for (;;) {
      if (options_.stop && options_.stop()) {
        SweepEnd end = end_of(scan_now());
        if (end.code != 0) end.message += "; their tasks go on";
        return end;
      }
      if (Clock::now() >= next_question) {
        // The queue before the folders: the result of a task that is not in the queue is there.
        const auto tasks = queued_tasks();
        show_(scan_now());
        if (tasks && !attend(*tasks)) return finished();
        next_question = Clock::now() + options_.ask_every;
      } else {
        show_(scan_now());
      }
      pause(std::min(options_.look_every, options_.ask_every));
    }
  }

 private:
  fs::path folder() const { return sweep_ / "slurm"; }

  const Board& scan_now() {
    board_ = scan(sweep_, plan_.trials, plan_.retries, &board_);
    return board_;
  }

  // Submits what has to be; false when nothing is queued and nothing was submitted.
  bool attend(const std::vector<QueuedTask>& tasks) {
    std::set<std::size_t> queued;
    std::map<std::string, int> pending;  // by reason
    for (const QueuedTask& task : tasks) {
      const auto job = jobs_.find(task.job);
      if (job == jobs_.end() || !job->second.contains(task.index)) continue;
      queued.insert(task.index);
      if (task.state == "PENDING") ++pending[task.reason];
    }
    say_pending(pending);
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < board_.rows.size(); ++i)
      if (!is_final(board_.rows[i].state) && !queued.contains(i) && needs_task(i))
        wanted.push_back(i);
    if (!wanted.empty()) submit(wanted);
    return !queued.empty() || !wanted.empty();
  }

  // Whether a trial without a task gets one.
  bool needs_task(std::size_t i) {
    const auto last = last_job_.find(i);
    if (last == last_job_.end()) return true;  // the first one of this command
    if (cancelled_.contains(i)) return false;
    const std::string state = state_of_task(last->second, i);
    const std::string& id = plan_.trials[i].id;
    if (state == "CANCELLED") {
      cancelled_.insert(i);
      progress_.say("the task of " + id + " was cancelled; it is not submitted again");
      return false;
    }
    if (++resubmitted_[i] > options_.resubmissions) {
      if (resubmitted_[i] == options_.resubmissions + 1)
        progress_.say("the task of " + id + " ended " + std::to_string(resubmitted_[i]) +
                      " times without its trial being done");
      return false;
    }
    progress_.say("the task of " + id + " ended (" + (state.empty() ? "forgotten" : state) +
                  "); submitting another");
    return true;
  }

  void submit(const std::vector<std::size_t>& indices) {
    fs::path script;
    std::error_code error;
    for (int n = 1; script.empty() || fs::exists(script, error); ++n)
      script = folder() / (std::to_string(n) + ".sbatch");
    write_file(script, slurm_script(sweep_, options_, indices));
    const std::string job = submit_batch(script);
    for (const std::size_t i : indices) {
      jobs_[job].insert(i);
      last_job_[i] = job;
    }
    write_jobs();
    progress_.say("submitted job " + job + ": " + std::to_string(indices.size()) + " trials");
  }

  void say_pending(const std::map<std::string, int>& pending) {
    std::string text;
    for (const auto& [reason, count] : pending)
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " (" + printable(reason) + ")";
    // Numbers change all the time; what deserves a line is a new reason.
    std::set<std::string> reasons;
    for (const auto& entry : pending) reasons.insert(entry.first);
    if (reasons != reasons_ && !text.empty()) progress_.say("tasks not started: " + text);
    reasons_ = std::move(reasons);
  }

  SweepEnd finished() {
    SweepEnd end = end_of(std::move(board_));
    if (end.code == 75) end.message += " and have no task any more";
    return end;
  }

  // The jobs that earlier commands submitted for this sweep; those still queued are followed.
  void read_jobs() {
    const fs::path file = folder() / "jobs.json";
    std::error_code error;
    if (!fs::exists(file, error)) return;
    try {
      const Json jobs = Json::read(file);
      for (const auto& [job, indices] : jobs.members())
        for (const Json& index : indices.items())
          jobs_[job].insert(static_cast<std::size_t>(index.as_unsigned()));
    } catch (const FormatError& problem) {
      throw FormatError(file, std::string("is no list of jobs: ") + problem.what());
    }
  }

  void write_jobs() const {
    Json all = Json::object();
    for (const auto& [job, indices] : jobs_) {
      Json list = Json::array();
      for (const std::size_t i : indices) list.push(static_cast<std::int64_t>(i));
      all.set(job, std::move(list));
    }
    write_file(folder() / "jobs.json", all.dump() + "\n");
  }

  void pause(milliseconds time) const {
    constexpr milliseconds kSlice{50};
    for (milliseconds passed{0}; passed < time; passed += kSlice) {
      if (options_.stop && options_.stop()) return;
      std::this_thread::sleep_for(kSlice);
    }
  }

  const fs::path& sweep_;
  const SweepPlan& plan_;
  const SlurmOptions& options_;
  const ShowBoard& show_;
  Progress& progress_;
  Board board_;
  std::map<std::string, std::set<std::size_t>> jobs_;  // ever submitted: job to trials
  std::map<std::size_t, std::string> last_job_;        // by this command
  std::map<std::size_t, int> resubmitted_;
  std::set<std::size_t> cancelled_;
  std::set<std::string> reasons_;
};

}  // namespace

SweepEnd run_on_slurm(const fs::path& sweep, const SweepPlan& plan, const SlurmOptions& options,
                      const ShowBoard& show, Progress& progress) {
  return SlurmRun(sweep, plan, options, show, progress).run();
}

std::optional<std::string> own_slurm_task() {
  const char* job = std::getenv("SLURM_JOB_ID");
  const char* array = std::getenv("SLURM_ARRAY_JOB_ID");
  const char* index = std::getenv("SLURM_ARRAY_TASK_ID");
  if (array && index) return std::string(array) + "_" + index;
  return job ? std::optional<std::string>(job) : std::nullopt;
}

struct RequeueBeforeTheEnd::State {
  std::atomic<bool> over = false;
};

RequeueBeforeTheEnd::RequeueBeforeTheEnd(std::string task, Progress& progress)
    : state_(std::make_unique<State>()),
      watcher_([task = std::move(task), &progress, state = state_.get()] {
        const std::uint32_t before = save_requests();
        while (!state->over && save_requests() == before)
          std::this_thread::sleep_for(milliseconds(100));
        if (state->over) return;
        const std::string refusal = requeue(task);
        progress.say(refusal.empty() ? "the time is nearly up; asked for " + task + " again"
                                     : "cannot requeue " + task + ": " + refusal);
      }) {}

RequeueBeforeTheEnd::~RequeueBeforeTheEnd() {
  state_->over = true;
  watcher_.join();
}

}  // namespace stockpot
