#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "stockpot/base/text.h"

namespace stockpot::cli {
namespace {

int columns_of(int descriptor) {
  if (const char* columns = std::getenv("COLUMNS")) {
    const int value = std::atoi(columns);
    if (value > 0) return value;
  }
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 100;
}

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value && *value;
}

bool dumb_terminal() {
  const char* term = std::getenv("TERM");
  return term && std::string(term) == "dumb";
}

}  // namespace

int terminal_width() { return columns_of(STDOUT_FILENO); }

bool use_colour(const std::string& color_flag) {
  if (color_flag == "always") return true;
  if (color_flag == "never" || is_set("NO_COLOR")) return false;
  if (is_set("CLICOLOR_FORCE")) return true;
  return isatty(STDOUT_FILENO) && !dumb_terminal();
}

bool is_live_terminal(int descriptor) { return isatty(descriptor) && !dumb_terminal(); }

TerminalProgress::TerminalProgress(bool quiet)
    : quiet_(quiet), live_(is_live_terminal(STDERR_FILENO)) {
  // Without a terminal, work of less than a line's pause says nothing on the way.
  if (!live_) last_ = std::chrono::steady_clock::now();
}

TerminalProgress::~TerminalProgress() {
  if (drawn_) std::cerr << "\r\033[K" << std::flush;
}

void TerminalProgress::say(const std::string& line) {
  if (quiet_) return;
  if (drawn_) std::cerr << "\r\033[K";
  drawn_ = false;
  std::cerr << line << "\n" << std::flush;
}

void TerminalProgress::status(const std::string& line) {
  if (quiet_) return;
  const auto now = std::chrono::steady_clock::now();
  const auto pause = live_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(30000);
  if (last_ != std::chrono::steady_clock::time_point{} && now - last_ < pause) return;
  last_ = now;
  if (!live_) {
    std::cerr << line << "\n" << std::flush;
    return;
  }
  const auto width = static_cast<std::size_t>(std::max(20, columns_of(STDERR_FILENO) - 1));
  std::cerr << "\r\033[K" << line.substr(0, width) << std::flush;
  drawn_ = true;
}

}  // namespace stockpot::cli
