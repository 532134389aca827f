// Runs a function in a forked process, where limits and signals harm nobody else.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <exception>

namespace stockpot {

// The exit status of the child: what `body` returns, 128 + the signal that ended it, or
// 99 for an exception.
template <typename Body>
int in_child(const Body& body) {
  const pid_t child = fork();
  if (child == 0) {
    try {
      _exit(body());
    } catch (const std::exception&) {
      _exit(99);
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace stockpot
