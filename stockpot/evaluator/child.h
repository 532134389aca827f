// A program of the user's as a child process: never a shell, in a process group of its own, so
// that it and all its children can be ended together.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/file.h"

namespace stockpot {

struct ChildOptions {
  std::vector<std::string> command;      // argv; command[0] without a slash is looked for in PATH
  std::vector<std::string> environment;  // "NAME=value", in addition to this process's own
  fs::path folder;                       // working directory
  bool talks = false;                    // stdin is a pipe for say(); else it is closed
};

// Output goes to a log file, of which the first kLogLimit bytes are kept; the rest is read and
// dropped, so that the child never waits for it.
class Child {
 public:
  static constexpr std::uint64_t kLogLimit = std::uint64_t{16} << 20;

  // Starts it. Throws UsageError when the program cannot be started, naming it and the reason;
  // WriteError when the log cannot be written.
  Child(const ChildOptions& options, const fs::path& log);
  ~Child();  // ends the group with SIGKILL
  Child(const Child&) = delete;

  // Output from now on goes to another log.
  void log_to(const fs::path& log);
  // Takes in output for at most this long; returns early when there was some, or when the child
  // has ended. Times are measured by the monotonic clock.
  void listen(double seconds);
  bool running() const { return !status_; }

  // Writes a line to its stdin. False when it does not read any more.
  bool say(const std::string& line);
  // The next whole line of its stdout, in turn; nothing when there is none yet.
  std::optional<std::string> next_line();
  // The last line of stdout with more than spaces; for a child that has ended, with or without a
  // newline at its end.
  std::string last_line() const;

  // SIGTERM to the group, `grace` seconds to go, SIGKILL.
  void end(double grace);
  // "exit status 3", "signal 11 (Segmentation fault)"; empty for status 0. Only once it has ended.
  std::string failure() const;

 private:
  void take(int& descriptor, bool lines);
  void write_log(std::string_view text);
  void look();

  pid_t process_ = -1;
  std::optional<int> status_;  // as waitpid gives it
  int out_ = -1, err_ = -1, in_ = -1, log_ = -1;
  fs::path log_path_;
  std::uint64_t logged_ = 0;
  std::string line_, last_;  // the line that is being read; the last whole one
  std::deque<std::string> lines_;
};

}  // namespace stockpot
