#include "cli/rank_processes.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <system_error>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/threads.h"

extern char** environ;

namespace stockpot::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPassedOn[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
constexpr int kInterrupted = 75;

std::string why(int error_number) { return std::generic_category().message(error_number); }

// A port of the loopback interface that is free now; rank 0 takes it a moment later.
int free_port() {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const bool found = descriptor >= 0 && bind(descriptor, generic, length) == 0 &&
                     getsockname(descriptor, generic, &length) == 0;
  const int error = errno;
  if (descriptor >= 0) close(descriptor);
  if (!found) throw RunError("no free port on the loopback interface: " + why(error));
  return ntohs(address.sin_port);
}

std::vector<std::string> environment_of(const RankCommand& command, int rank, int port) {
  std::vector<std::string> lines;
  const auto set = [&](const std::string& name, const std::string& value) {
    std::erase_if(lines, [&](const std::string& line) { return line.starts_with(name + "="); });
    lines.push_back(name + "=" + value);
  };
  for (char** line = environ; *line; ++line) lines.emplace_back(*line);
  const std::string number = std::to_string(rank), size = std::to_string(command.ranks);
  set("RANK", number);
  set("LOCAL_RANK", number);
  set("WORLD_SIZE", size);
  set("LOCAL_WORLD_SIZE", size);
  set("GROUP_RANK", "0");
  set("MASTER_ADDR", "127.0.0.1");
  set("MASTER_PORT", std::to_string(port));
  set("TORCHELASTIC_RUN_ID", "stockpot-" + std::to_string(getpid()));
  set("TORCHELASTIC_RESTART_COUNT", std::to_string(command.restart));
  set("TORCHELASTIC_MAX_RESTARTS", std::to_string(command.restarts));
  set("TORCHELASTIC_USE_AGENT_STORE", "False");
  // The ranks share the cores, unless the user has said how.
  const std::string threads = std::to_string(std::max(1, machine_cores() / command.ranks));
  for (const char* name : {"STOCKPOT_THREADS", "OMP_NUM_THREADS"})
    if (!std::getenv(name)) set(name, threads);
  return lines;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

// Signals wait until sigtimedwait() takes them.
class HeldSignals {
 public:
  HeldSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGCHLD);
    for (const int number : kPassedOn) sigaddset(&set_, number);
    sigprocmask(SIG_BLOCK, &set_, &before_);
  }
  ~HeldSignals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  HeldSignals(const HeldSignals&) = delete;

  // The next signal, or 0 after 0.1 seconds.
  int next() const {
    const timespec limit = {0, 100'000'000};
    return std::max(0, sigtimedwait(&set_, nullptr, &limit));
  }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t set_, before_;
};

class Ranks {
 public:
  Ranks(const RankCommand& command, int patience) : patience_(patience) {
    const int port = free_port();
    try {
      for (int rank = 0; rank < command.ranks; ++rank)
        processes_.push_back(start(command, rank, port));
    } catch (const std::exception&) {
      end_all();
      throw;
    }
  }

  RanksEnd wait() {
    while (running() > 0) {
      if (const int signal = signals_.next(); signal != 0 && signal != SIGCHLD) {
        end_.told_to |= signal != SIGUSR1;
        send(signal);
      }
      collect();
      if (killing_at_ && Clock::now() > *killing_at_) send(SIGKILL);
    }
    return end_;
  }

 private:
  pid_t start(const RankCommand& command, int rank, int port) const;
  [[noreturn]] void become(const std::vector<char*>& words, const std::vector<char*>& environment,
                           int rank, pid_t parent, int report) const;

  std::size_t running() const {
    return processes_.size() -
           static_cast<std::size_t>(std::count(processes_.begin(), processes_.end(), 0));
  }

  // To the group of each rank, so that what it started gets it too.
  void send(int signal) const {
    for (const pid_t process : processes_)
      if (process > 0) kill(-process, signal);
  }

  void end_all() {
    send(SIGKILL);
    for (pid_t& process : processes_) {
      while (waitpid(process, nullptr, 0) < 0 && errno == EINTR) continue;
      process = 0;
    }
  }

  void collect() {
    int status = 0;
    for (pid_t process; (process = waitpid(-1, &status, WNOHANG)) > 0;) {
      const auto at = std::find(processes_.begin(), processes_.end(), process);
      if (at == processes_.end()) continue;
      kill(-process, SIGKILL);  // what it left behind
      *at = 0;
      const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      if (code == 0 || end_.code != 0) continue;
      end_.code = code;
      end_.first = static_cast<int>(at - processes_.begin());
      send(SIGTERM);
      if (code != kInterrupted) killing_at_ = Clock::now() + std::chrono::seconds(patience_);
    }
  }

  HeldSignals signals_;
  std::vector<pid_t> processes_;  // by rank; 0 once it ended
  int patience_;
  std::optional<Clock::time_point> killing_at_;
  RanksEnd end_;
};

pid_t Ranks::start(const RankCommand& command, int rank, int port) const {
  const std::vector<std::string> lines = environment_of(command, rank, port);
  const std::vector<char*> words = pointers(command.words), environment = pointers(lines);
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) throw RunError("cannot start a process: " + why(errno));
  const pid_t parent = getpid();
  const pid_t process = fork();
  if (process == 0) become(words, environment, rank, parent, report[1]);
  const int fork_error = errno;
  close(report[1]);
  // The pipe closes when the command runs; else it says why it does not.
  int error = 0;
  const bool failed = process > 0 && read(report[0], &error, sizeof(error)) == sizeof(error);
  close(report[0]);
  if (process < 0) throw RunError("cannot start a process: " + why(fork_error));
  if (!failed) return process;
  waitpid(process, nullptr, 0);
  throw UsageError("cannot start '" + printable(command.words.front()) + "': " + why(error));
}

void Ranks::become(const std::vector<char*>& words, const std::vector<char*>& environment, int rank,
                   pid_t parent, int report) const {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(128 + SIGTERM);
  if (rank > 0) {
    dup2(STDERR_FILENO, STDOUT_FILENO);
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
  }
  for (const int number : {SIGPIPE, SIGXFSZ}) signal(number, SIG_DFL);
  sigprocmask(SIG_SETMASK, &signals_.before(), nullptr);
  execvpe(words[0], words.data(), environment.data());
  const int error = errno;
  [[maybe_unused]] const auto written = write(report, &error, sizeof(error));
  _exit(127);
}

}  // namespace

RanksEnd run_ranks(const RankCommand& command, int patience) {
  return Ranks(command, patience).wait();
}

}  // namespace stockpot::cli
