#include "stockpot/base/signals.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <initializer_list>

namespace stockpot {

namespace {

std::atomic<bool> asked_to_stop = false;
std::atomic<bool> interrupted_before = false;
std::atomic<std::uint32_t> asked_to_save = 0;
static_assert(std::atomic<bool>::is_always_lock_free, "used in a signal handler");
static_assert(std::atomic<std::uint32_t>::is_always_lock_free, "used in a signal handler");

void on_signal(int number) {
  if (number == SIGUSR1) {
    ++asked_to_save;
    return;
  }
  asked_to_stop = true;
  if (number == SIGINT && interrupted_before.exchange(true)) _exit(130);
}

}  // namespace

void install_signal_handlers() {
  struct sigaction action = {};
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  action.sa_handler = on_signal;
  for (const int number : {SIGINT, SIGTERM, SIGUSR1}) sigaction(number, &action, nullptr);
  action.sa_handler = SIG_IGN;
  for (const int number : {SIGPIPE, SIGXFSZ}) sigaction(number, &action, nullptr);
}

bool stop_requested() { return asked_to_stop; }

std::uint32_t save_requests() { return asked_to_save; }

}  // namespace stockpot
