#include "support.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "stockpot/base/hash.h"
#include "stockpot/base/text.h"

namespace stockpot {

std::vector<Trial> numbered_trials(std::size_t count) {
  std::vector<Trial> trials;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string digits = std::to_string(i);
    Trial trial;
    trial.id = "t" + std::string(3 - digits.size(), '0') + digits;
    trial.params = Json::object({{"number", static_cast<std::int64_t>(i)}});
    trials.push_back(trial);
  }
  return trials;
}

Json result_of(std::int64_t number) {
  return Json::object({{"schema_version", 1},
                       {"held_out", Json::object({{"correct", 50 + number}, {"total", 1000}})},
                       {"weights", sha256("weights " + std::to_string(number))}});
}

RunTrial numbered_run(milliseconds time) {
  return [time](const Trial& trial, TrialRun& run) {
    std::this_thread::sleep_for(time);
    append_line(run.folder().parent_path().parent_path() / "ran.txt", trial.id);
    return result_of(trial.params.find("number")->as_integer());
  };
}

WorkerOptions quick() {
  WorkerOptions options;
  options.heartbeat = {milliseconds(20), milliseconds(10'000)};
  options.stop = {};
  return options;
}

std::size_t times_run(const fs::path& sweep, const std::string& id) {
  std::size_t count = 0;
  if (!fs::exists(sweep / "ran.txt")) return 0;
  for (const std::string& line : split(read_file(sweep / "ran.txt"), '\n')) count += line == id;
  return count;
}

std::string all_results(const fs::path& sweep, const std::vector<Trial>& trials) {
  std::string text;
  for (const Trial& trial : trials)
    text += trial.id + "=" + read_file(sweep / "runs" / trial.id / "result.json") + "\n";
  return text;
}

pid_t spawn(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child != 0) return child;
  try {
    _exit(body());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "child: %s\n", error.what());
    _exit(99);
  }
}

int outcome_of(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool has_ended(pid_t child) {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
         info.si_pid == child;
}

bool killed_at_call(int n, const std::function<void()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    raise(SIGSTOP);
    try {
      body();
      _exit(0);
    } catch (const std::exception&) {
      _exit(99);
    }
  }
  int status = 0;
  waitpid(child, &status, 0);  // stopped by itself
  ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  bool entering = true;
  int calls = 0;
  for (int signal = 0;;) {
    ptrace(PTRACE_SYSCALL, child, nullptr, signal);
    waitpid(child, &status, 0);
    if (WIFEXITED(status) || WIFSIGNALED(status)) return false;
    const bool is_call = WSTOPSIG(status) == (SIGTRAP | 0x80);
    signal = is_call ? 0 : WSTOPSIG(status);
    if (is_call && entering && ++calls == n) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      return true;
    }
    if (is_call) entering = !entering;
  }
}

bool wait_until(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

}  // namespace stockpot
