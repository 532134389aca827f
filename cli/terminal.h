// What the terminal can do, and progress on it.
#pragma once

#include <chrono>
#include <string>

#include "stockpot/base/progress.h"

namespace stockpot::cli {

// Columns of the terminal behind stdout (COLUMNS wins), 100 when there is none.
int terminal_width();
// Whether what is behind a descriptor can move its cursor.
bool is_live_terminal(int descriptor);
// Whether stdout takes colour: --color, then NO_COLOR, CLICOLOR_FORCE, TERM=dumb, a terminal.
bool use_colour(const std::string& color_flag);

// Progress on stderr: a live status line on a terminal; elsewhere a status line at most every
// 30 seconds. Quiet says nothing at all.
class TerminalProgress : public Progress {
 public:
  explicit TerminalProgress(bool quiet);
  ~TerminalProgress() override;
  void say(const std::string& line) override;
  void status(const std::string& line) override;

 private:
  bool quiet_, live_, drawn_ = false;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace stockpot::cli
