#include "stockpot/evaluator/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>

#include "stockpot/base/error.h"
#include "stockpot/base/posix.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestLine = 16 << 20;
constexpr std::size_t kMostLines = 1000;  // that wait to be taken
constexpr double kTick = 0.02;            // how often the child's end is looked for

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Pipe {
  Descriptor read, write;
};

// Above stdin, stdout and stderr, which may be closed: dup2() must not meet its own source.
Descriptor moved_up(int number) {
  if (number > STDERR_FILENO) return Descriptor(number);
  const Descriptor low(number);
  return Descriptor(::fcntl(number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

Pipe connected(int (*make)(int ends[2])) {
  int ends[2];
  if (make(ends) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
  Descriptor read = moved_up(ends[0]);
  return {std::move(read), moved_up(ends[1])};
}

Pipe make_pipe() {
  return connected([](int ends[2]) { return ::pipe2(ends, O_CLOEXEC); });
}

// A pipe that gives EPIPE, and never SIGPIPE, when nobody reads it (send in say()).
Pipe make_socket() {
  return connected(
      [](int ends[2]) { return ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends); });
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (std::string& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

// This process's variables and the new ones, which win.
std::vector<std::string> environment_with(const std::vector<std::string>& added) {
  const auto name = [](std::string_view line) { return line.substr(0, line.find('=')); };
  std::vector<std::string> all;
  for (char** line = environ; line != nullptr && *line != nullptr; ++line)
    if (std::ranges::none_of(added, [&](const auto& a) { return name(a) == name(*line); }))
      all.emplace_back(*line);
  all.insert(all.end(), added.begin(), added.end());
  return all;
}

// What the child does between fork and exec: only calls that are safe there.
[[noreturn]] void become(char* const* argv, char* const* environment, const char* folder, int in,
                         int out, int err, int problem) {
  const auto give_up = [&] {
    const int number = errno;
    [[maybe_unused]] const ssize_t ignored = ::write(problem, &number, sizeof number);
    ::_exit(127);
  };
  ::setpgid(0, 0);
  // When this program is killed, nobody would wait for the evaluator any more.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int number : {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGUSR1}) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(in, STDIN_FILENO) < 0 || ::dup2(out, STDOUT_FILENO) < 0 ||
      ::dup2(err, STDERR_FILENO) < 0 || ::chdir(folder) != 0)
    give_up();
  environ = const_cast<char**>(environment);
  ::execvp(argv[0], argv);
  give_up();
  ::_exit(127);
}

void set_non_blocking(int descriptor) { ::fcntl(descriptor, F_SETFL, O_NONBLOCK); }

}  // namespace

Child::Child(const ChildOptions& options, const fs::path& log) {
  log_to(log);
  std::vector<std::string> words = options.command,
                           variables = environment_with(options.environment);
  const std::vector<char*> argv = pointers(words), environment = pointers(variables);
  Pipe in = make_socket(), out = make_pipe(), err = make_pipe(), problem = make_pipe();
  const Descriptor nothing = moved_up(open_file("/dev/null", O_RDONLY).release());
  const int input = options.talks ? in.read.number() : nothing.number();

  process_ = ::fork();
  if (process_ < 0) throw std::system_error(errno, std::generic_category(), "cannot fork");
  if (process_ == 0)
    become(argv.data(), environment.data(), options.folder.c_str(), input, out.write.number(),
           err.write.number(), problem.write.number());
  ::setpgid(process_, process_);  // whoever of the two comes first
  problem.write.close();
  int number = 0;
  ssize_t got = 0;
  do {
    got = ::read(problem.read.number(), &number, sizeof number);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof number) {
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
    ::close(std::exchange(log_, -1));
    throw UsageError("cannot start the evaluator " + printable(words.front()) + ": " +
                     std::generic_category().message(number) +
                     (words.front().find(' ') == std::string::npos
                          ? ""
                          : " (its words are separate arguments, not one quoted text)"));
  }
  out_ = out.read.release();
  err_ = err.read.release();
  if (options.talks) in_ = in.write.release();
  set_non_blocking(out_);
  set_non_blocking(err_);
}

Child::~Child() {
  if (process_ > 0) end(0);
  for (const int descriptor : {out_, err_, in_, log_})
    if (descriptor >= 0) ::close(descriptor);
}

void Child::log_to(const fs::path& log) {
  if (log_ >= 0) ::close(log_);
  Descriptor file = open_file(log, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file) throw WriteError(log, "open", errno);
  log_ = file.release();
  log_path_ = log;
  logged_ = 0;
}

void Child::write_log(std::string_view text) {
  if (logged_ > kLogLimit) return;
  const std::string_view kept = text.substr(0, kLogLimit - logged_);
  int failure = write_all(log_, std::as_bytes(std::span(kept)));
  logged_ += text.size();
  if (failure == 0 && logged_ > kLogLimit) {
    constexpr std::string_view kNote = "\n[cut here: more than 16 MiB of output]\n";
    failure = write_all(log_, std::as_bytes(std::span(kNote)));
  }
  if (failure != 0) throw WriteError(log_path_, "write", failure);
}

// Everything that a pipe holds for now, within reason: the caller looks at its clock in between.
void Child::take(int& descriptor, bool lines) {
  std::array<char, 65536> buffer;
  for (int rounds = 0; rounds < 64; ++rounds) {
    const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      ::close(std::exchange(descriptor, -1));
      return;
    }
    std::string_view text(buffer.data(), static_cast<std::size_t>(got));
    write_log(text);
    while (lines && !text.empty()) {
      const std::size_t end = text.find('\n');
      if (line_.size() < kLongestLine) line_ += text.substr(0, end);
      if (end == std::string_view::npos) break;
      text.remove_prefix(end + 1);
      if (!trim(line_).empty()) {
        last_ = line_;
        lines_.push_back(std::move(line_));
        if (lines_.size() > kMostLines) lines_.pop_front();
      }
      line_.clear();
    }
  }
}

// Whether it has ended. The group is killed before the leader is buried: as long as the leader
// is a zombie, no other process can take its number.
void Child::look() {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(process_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      info.si_pid == 0)
    return;
  ::kill(-process_, SIGKILL);
  for (int* stream : {&out_, &err_})
    if (*stream >= 0) take(*stream, stream == &out_);
  int status = 0;
  ::waitpid(process_, &status, 0);
  status_ = status;
}

void Child::listen(double seconds) {
  const Clock::time_point start = Clock::now();
  while (running()) {
    look();
    if (!running()) return;
    std::array<pollfd, 2> streams{pollfd{out_, POLLIN, 0}, pollfd{err_, POLLIN, 0}};
    const double left = std::min(kTick, seconds - since(start));
    if (left <= 0) return;
    const int ready = ::poll(streams.data(), streams.size(), 1 + static_cast<int>(left * 1000));
    if (ready <= 0) continue;
    if (streams[0].revents != 0) take(out_, true);
    if (streams[1].revents != 0) take(err_, false);
    return;
  }
}

bool Child::say(const std::string& line) {
  const std::string text = line + "\n";
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t more = ::send(in_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (more < 0 && errno == EINTR) continue;
    if (more < 0) return false;
    sent += static_cast<std::size_t>(more);
  }
  return true;
}

std::optional<std::string> Child::next_line() {
  if (lines_.empty()) return std::nullopt;
  std::string line = std::move(lines_.front());
  lines_.pop_front();
  return line;
}

std::string Child::last_line() const { return trim(line_).empty() ? last_ : line_; }

void Child::end(double grace) {
  if (!running()) return;
  if (grace > 0) {
    ::kill(-process_, SIGTERM);
    const Clock::time_point start = Clock::now();
    while (running() && since(start) < grace) listen(std::min(kTick, grace - since(start)));
    if (!running()) return;
  }
  ::kill(-process_, SIGKILL);
  int status = 0;
  ::waitpid(process_, &status, 0);
  status_ = status;
}

std::string Child::failure() const {
  const int status = status_.value_or(0);
  if (WIFSIGNALED(status))
    return "signal " + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) +
           ")";
  return WEXITSTATUS(status) == 0 ? "" : "exit status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace stockpot
