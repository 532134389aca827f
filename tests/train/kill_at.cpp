#include "kill_at.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <exception>

namespace stockpot::test {
namespace {

bool changes_files(long call) {
  static const std::vector<long> calls = {
    SYS_openat,
    SYS_write,
    SYS_pwrite64,
    SYS_fallocate,
    SYS_ftruncate,
    SYS_fsync,
    SYS_renameat2,
    SYS_mkdirat,
    SYS_unlinkat,
#if defined(__x86_64__)
    SYS_open,
    SYS_rename,
    SYS_mkdir,
    SYS_unlink,
    SYS_rmdir,
#endif
  };
  return std::find(calls.begin(), calls.end(), call) != calls.end();
}

// The number of the call that the stopped process is entering, -1 when it is leaving one.
long entered_call(pid_t child) {
  struct __ptrace_syscall_info info = {};
  if (ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) <= 0) return -1;
  return info.op == PTRACE_SYSCALL_INFO_ENTRY ? static_cast<long>(info.entry.nr) : -1;
}

[[noreturn]] void run_traced(const std::function<void()>& body) {
  if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(90);
  raise(SIGSTOP);
  try {
    body();
  } catch (const std::exception&) {
    _exit(91);
  }
  _exit(0);
}

}  // namespace

Crash kill_at(int n, const std::function<void()>& body) {
  Crash crash;
  const pid_t child = fork();
  if (child == 0) run_traced(body);
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return crash;
  crash.traced =
      ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) == 0;
  for (;;) {
    ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    waitpid(child, &status, 0);
    if (!WIFSTOPPED(status)) break;
    const long call = entered_call(child);
    if (call < 0 || !changes_files(call)) continue;
    if (static_cast<int>(crash.calls.size()) == n) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      return crash;
    }
    crash.calls.push_back(call);
  }
  crash.ended = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return crash;
}

}  // namespace stockpot::test
