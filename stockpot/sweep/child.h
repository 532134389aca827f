// Other programs as child processes: started from a list of arguments, without a shell.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/file.h"

namespace stockpot {

// A process of its own process group, so that the keys of a terminal reach its parent only. It is
// sent SIGTERM when its parent dies.
class ChildProcess {
 public:
  // Its output is appended to `output`; its input is empty. Throws UsageError when the program
  // cannot be started, WriteError when `output` cannot be opened.
  ChildProcess(const std::vector<std::string>& arguments, const fs::path& output);
  // The same of a fork of this process, which ends with what `body` returns. It shares the memory
  // that this process has, but has no other thread: no library may rely on threads it started.
  ChildProcess(const std::function<int()>& body, const fs::path& output);
  // Waits for a child that is still there, after asking it to end.
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;

  pid_t pid() const { return pid_; }
  // Its exit status, or 128 + the signal that ended it; nothing while it runs.
  std::optional<int> ended();
  void signal(int number) const;

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
};

struct CommandOutput {
  int status = 0;  // as ChildProcess::ended
  std::string out, err;
};

// Runs a program to its end and returns what it wrote, at most 16 MiB each. Throws UsageError when
// it cannot be started.
CommandOutput output_of(const std::vector<std::string>& arguments);

}  // namespace stockpot
