#include "stockpot/sweep/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "stockpot/base/error.h"
#include "stockpot/base/posix.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

constexpr std::size_t kMostOutput = std::size_t{16} << 20;

std::pair<Descriptor, Descriptor> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

// In the child: what it inherits becomes what a fresh process has.
void reset_signals() {
  for (const int number : {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM}) ::signal(number, SIG_DFL);
  // May come before the program is ready for it, and would end it.
  ::signal(SIGUSR1, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// In the child, before anything else.
void become_child(pid_t parent, int in, int out, int err) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(143);  // it died in between
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
}

// Starts the program with these descriptors as output and error. The new process tells through
// a pipe, which closes when the program starts, why it could not.
pid_t start(const std::vector<std::string>& arguments, int out, int err) {
  auto [failure_end, child_end] = make_pipe();
  const Descriptor nothing = open_file("/dev/null", O_RDONLY);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "cannot start a process");
  if (child == 0) {
    reset_signals();
    become_child(parent, nothing.number(), out, err);
    execvp(argv[0], argv.data());
    const int failure = errno;
    if (::write(child_end.number(), &failure, sizeof failure) < 0) _exit(126);
    _exit(127);
  }
  child_end.close();
  int failure = 0;
  ssize_t got = 0;
  do {
    got = ::read(failure_end.number(), &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return child;
  ::waitpid(child, nullptr, 0);
  throw UsageError("cannot start " + printable(arguments.front()) + ": " +
                   std::generic_category().message(failure));
}

int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

pid_t fork_into(const std::function<int()>& body, int out) {
  const Descriptor nothing = open_file("/dev/null", O_RDONLY);
  const pid_t parent = getpid();
  std::fflush(nullptr);  // or both processes would write what is buffered
  const pid_t child = fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "cannot start a process");
  if (child > 0) return child;
  become_child(parent, nothing.number(), out, out);
  const int status = body();
  std::fflush(nullptr);
  _exit(status);  // objects of the parent are not this process's to destroy
}

Descriptor open_log(const fs::path& output) {
  Descriptor log = open_file(output, O_WRONLY | O_CREAT | O_APPEND);
  if (!log) throw WriteError(output, "open for appending", errno);
  return log;
}

}  // namespace

ChildProcess::ChildProcess(const std::function<int()>& body, const fs::path& output) {
  pid_ = fork_into(body, open_log(output).number());
}

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, const fs::path& output) {
  const Descriptor log = open_log(output);
  pid_ = start(arguments, log.number(), log.number());
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}

ChildProcess::~ChildProcess() {
  if (pid_ < 0 || ended()) return;
  signal(SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

std::optional<int> ChildProcess::ended() {
  int status = 0;
  if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = code_of(status);
  return status_;
}

void ChildProcess::signal(int number) const {
  if (!status_) ::kill(pid_, number);
}

CommandOutput output_of(const std::vector<std::string>& arguments) {
  auto [out, out_end] = make_pipe();
  auto [err, err_end] = make_pipe();
  const pid_t child = start(arguments, out_end.number(), err_end.number());
  out_end.close();
  err_end.close();
  CommandOutput result;
  std::array<pollfd, 2> ends{pollfd{out.number(), POLLIN, 0}, pollfd{err.number(), POLLIN, 0}};
  const std::array<std::string*, 2> texts{&result.out, &result.err};
  std::array<char, 1 << 16> buffer;
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    if (::poll(ends.data(), ends.size(), -1) < 0) continue;  // a signal
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      const ssize_t got = ::read(ends[i].fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) ends[i].fd = -1;
      if (got > 0 && texts[i]->size() < kMostOutput)
        texts[i]->append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.status = code_of(status);
  return result;
}

}  // namespace stockpot
