// A crash at a chosen system call.
#pragma once

#include <csignal>
#include <functional>
#include <vector>

namespace stockpot::test {

struct Crash {
  bool traced = false;      // false: this machine does not let us trace
  bool ended = false;       // the body returned before the n-th call
  std::vector<long> calls;  // numbers (SYS_...) of those made, without the one it died at
};

// Runs `body` in a forked process and kills it (SIGKILL) as it enters its n-th system call, from
// 0, that can change a file: the call is not made. The process must not have threads that
// matter to the body.
Crash kill_at(int n, const std::function<void()>& body);

}  // namespace stockpot::test
